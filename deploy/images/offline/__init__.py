"""``make images-offline``: base images from Debian's packages, and the product's images on top of them."""
