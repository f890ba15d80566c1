"""``make images-offline``: build base images from Debian's packages, and the product's images on them."""
