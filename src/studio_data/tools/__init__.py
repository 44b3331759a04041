"""The tools: one module per noun, one function per verb of the business."""
