"""What makes a function a tool."""
