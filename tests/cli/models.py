"""Requests, and models of eviction policies that are too simple to be wrong."""
import collections
import random


def zipf(count, keys, seed):
    draw = random.Random(seed)
    weights = [1 / (rank + 1) for rank in range(keys)]
    return draw.choices(range(keys), weights, k=count)


def lru_hits(keys, room, size_of=lambda key: 1, renew=True):
    """Or those of fifo."""
    inside, taken, hits = collections.OrderedDict(), 0, 0
    for key in keys:
        if key in inside:
            hits += 1
            if renew:
                inside.move_to_end(key)
        elif size_of(key) <= room:
            while taken + size_of(key) > room:
                taken -= size_of(inside.popitem(last=False)[0])
            inside[key] = True
            taken += size_of(key)
    return hits


def optimal_hits(keys, room):
    """By search through everything that is inside."""
    nexts, later = [0] * len(keys), {}
    for i in range(len(keys) - 1, -1, -1):
        nexts[i] = later.get(keys[i], len(keys) + 1)
        later[keys[i]] = i
    inside, hits = {}, 0
    for i, key in enumerate(keys):
        if key in inside:
            hits += 1
        elif len(inside) == room:
            del inside[max(inside, key=inside.get)]
        inside[key] = nexts[i]
    return hits


def sieve_hits(keys, room):
    """Newest first; the hand goes from the oldest to the newest, and stays where it evicted."""
    order, visited, hand, hits = [], set(), None, 0
    for key in keys:
        if key in visited or key in order:
            hits += 1
            visited.add(key)
            continue
        if len(order) == room:
            at = order.index(hand) if hand is not None else len(order) - 1
            while order[at] in visited:
                visited.remove(order[at])
                at = at - 1 if at else len(order) - 1
            hand = order[at - 1] if at else None
            del order[at]
        order.insert(0, key)
    return hits


def lfu_hits(keys, room):
    """Without ageing; of those that were read equally often, who has been so for longest goes."""
    inside, hits = {}, 0
    for now, key in enumerate(keys):
        reads = 0
        if key in inside:
            hits += 1
            reads = inside[key][0] + 1
        elif len(inside) == room:
            del inside[min(inside, key=inside.get)]
        inside[key] = reads, now
    return hits


def fifo_hits(keys, room):
    return lru_hits(keys, room, renew=False)


EXACT = {'fifo': fifo_hits, 'lru': lru_hits, 'lfu': lfu_hits, 'sieve': sieve_hits}


def traces():
    """{name: keys}: a loop that does not fit, popular keys, and both in turns with scans."""
    loop, popular = list(range(400)) * 15, zipf(6000, 1500, 7)
    mixed = []
    for i in range(12):
        mixed += popular[i * 250:(i + 1) * 250] + [10000 + n for n in range(180)]
        mixed += range(20000 + i * 150, 20150 + i * 150)
    return {'loop': loop, 'zipf': popular, 'mixed': mixed}
