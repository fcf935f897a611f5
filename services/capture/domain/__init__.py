"""What a submission says and whom it belongs to: pure, without input or output."""
