"""The Merkle tree of RFC 6962: leaf hashes in, roots and proofs out. Pure; nothing but SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(data: bytes) -> bytes:
    """SHA-256(0x00 || data), 32 bytes (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 || left || right), 32 bytes (RFC 6962, 2.1)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def extend(size: int, frontier: Sequence[bytes], leaf: bytes) -> tuple[bytes, ...]:
    """The frontier after one more leaf hash.

    A frontier holds the roots of the perfect subtrees of a tree of `size` leaves, largest first: one for each set
    bit of `size`. Appending costs O(log size). Raises ValueError where the frontier does not fit the size.
    """
    if len(frontier) != size.bit_count():
        raise ValueError(f"a tree of {size} leaves has {size.bit_count()} perfect subtrees, not {len(frontier)}")
    stack, node, left = list(frontier), leaf, size
    while left & 1:
        node, left = node_hash(stack.pop(), node), left >> 1
    return (*stack, node)


def root_of(frontier: Sequence[bytes]) -> bytes:
    """The root over the perfect subtrees of a frontier; SHA-256 of nothing for the empty tree."""
    if not frontier:
        return EMPTY_ROOT
    *others, node = frontier
    for subtree in reversed(others):
        node = node_hash(subtree, node)
    return node


def root_of_leaves(leaves: Sequence[bytes]) -> bytes:
    """The root over leaf hashes, by the definition of RFC 6962, 2.1."""
    if not leaves:
        return EMPTY_ROOT
    if len(leaves) == 1:
        return leaves[0]
    split = _split(len(leaves))
    return node_hash(root_of_leaves(leaves[:split]), root_of_leaves(leaves[split:]))


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """The audit path of leaf `index` in the tree over `leaves` (RFC 6962, 2.1.1). Raises IndexError outside it."""
    if not 0 <= index < len(leaves):
        raise IndexError(f"leaf {index} is not in a tree of {len(leaves)}")
    if len(leaves) == 1:
        return ()
    split = _split(len(leaves))
    if index < split:
        return (*inclusion_proof(leaves[:split], index), root_of_leaves(leaves[split:]))
    return (*inclusion_proof(leaves[split:], index - split), root_of_leaves(leaves[:split]))


def consistency_proof(leaves: Sequence[bytes], first: int) -> tuple[bytes, ...]:
    """That the tree over `leaves` extends its first `first` leaves (RFC 6962, 2.1.2); 0 < first <= len(leaves)."""
    if not 0 < first <= len(leaves):
        raise IndexError(f"a tree of {len(leaves)} does not extend one of {first}")
    return _subproof(leaves, first, whole=True)


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> bool:
    """Whether the proof shows the leaf hash at `index` of the tree of `size` with this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size or len(leaf) != 32:
        return False
    place, last, node = index, size - 1, leaf
    for step in proof:
        if last == 0:
            return False
        if place & 1 or place == last:
            node = node_hash(step, node)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = node_hash(node, step)
        place, last = place >> 1, last >> 1
    return last == 0 and node == root


def verify_consistency(first: int, second: int, proof: Sequence[bytes], root1: bytes, root2: bytes) -> bool:
    """Whether the proof shows that the tree of `second` leaves extends that of `first` (RFC 9162, 2.1.4.2)."""
    if not 0 < first <= second:
        return False
    if first == second:
        return not proof and root1 == root2
    path = list(proof)
    if first & (first - 1) == 0:
        path.insert(0, root1)
    if not path:
        return False
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    return _walk(path, place, last, (root1, root2))


def _walk(path: Sequence[bytes], place: int, last: int, roots: tuple[bytes, bytes]) -> bool:
    older = newer = path[0]
    for step in path[1:]:
        if last == 0:
            return False
        if place & 1 or place == last:
            older, newer = node_hash(step, older), node_hash(step, newer)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            newer = node_hash(newer, step)
        place, last = place >> 1, last >> 1
    return last == 0 and (older, newer) == roots


def _subproof(leaves: Sequence[bytes], first: int, *, whole: bool) -> tuple[bytes, ...]:
    if first == len(leaves):
        return () if whole else (root_of_leaves(leaves),)
    split = _split(len(leaves))
    if first <= split:
        return (*_subproof(leaves[:split], first, whole=whole), root_of_leaves(leaves[split:]))
    return (*_subproof(leaves[split:], first - split, whole=False), root_of_leaves(leaves[:split]))


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)
