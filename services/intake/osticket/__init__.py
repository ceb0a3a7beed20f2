"""The old help desk's HTTP API, so that its clients work on unchanged; differences: `docs/osticket.md`."""
