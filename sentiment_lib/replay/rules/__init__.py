"""When a policy asks for a training: rules over what was known at the end of a block."""
