"""The default generator: rules write the gold caption, propose candidates, veto them and sample nine negatives."""
