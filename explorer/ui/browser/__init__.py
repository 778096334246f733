"""What the browser runs: modules of JavaScript, and how they become one script for each component."""
