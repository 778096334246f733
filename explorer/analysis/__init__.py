"""Numbers in, numbers out: codes of images, images of codes, maps of codes. Nothing here knows a file or a screen."""
