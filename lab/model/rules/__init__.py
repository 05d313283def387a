"""What must hold in a topology whose shape is right; ``lab.model.checks`` lists the rules."""
