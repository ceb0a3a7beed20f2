"""From a decision in the ledger to a mail the server has taken."""
