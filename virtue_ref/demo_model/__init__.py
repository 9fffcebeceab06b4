"""A VIRTUE that one trains on a laptop, in the drawn world.

The published model stands on parts that know pictures and words already. So these are taught first, each what the real
one brings along (`parts`, `language`); then they are frozen as the paper does, and the loop that trains the large ones
trains connector and adapters on a drawn SCaR corpus (`make`).
"""
