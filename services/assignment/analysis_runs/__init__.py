"""What-ifs and staffing simulations in the background: asked for, run in a process of their own, kept a while."""
