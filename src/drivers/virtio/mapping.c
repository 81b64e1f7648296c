/* SPDX-License-Identifier: MIT */
/*
 * mapping.c - the mappings of a domain: a treap, ordered by address
 *
 * A binary search tree by start that is a heap by rank, and a mapping's rank is drawn from its address: so the
 * tree has the shape of one that was filled in random order, a depth of some 2 log2 n, whatever the
 * order of maps and unmaps.  Mappings do not overlap; the caller has looked.
 */
#include "src/drivers/virtio/viommu.h"

/* Mixes all bits of an address into 32 (the finaliser of splitmix64; a fact of arithmetic). */
static uint32_t rank_of(uiommu_iova_t start)
{
	uint64_t x = (start >> 12) + 0x9e3779b97f4a7c15ull;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
	return (uint32_t)(x ^ (x >> 31));
}

struct viommu_mapping *uiommu_viommu_mapping_at_or_after(struct viommu_mapping *root,
							 uiommu_iova_t iova)
{
	struct viommu_mapping *best = NULL;

	while (root) {
		if (root->last < iova) {
			root = root->right;
		} else {
			best = root;
			root = root->left;
		}
	}
	return best;
}

/* Part a tree into what lies below and above @start. */
static void split(struct viommu_mapping *root, uiommu_iova_t start, struct viommu_mapping **below,
		  struct viommu_mapping **above)
{
	while (root) {
		if (root->start < start) {
			*below = root;
			below = &root->right;
			root = root->right;
		} else {
			*above = root;
			above = &root->left;
			root = root->left;
		}
	}
	*below = NULL;
	*above = NULL;
}

/* Join two trees, all of @below lying below all of @above. */
static struct viommu_mapping *join(struct viommu_mapping *below, struct viommu_mapping *above)
{
	struct viommu_mapping *root = NULL, **at = &root;

	while (below && above) {
		if (below->rank > above->rank) {
			*at = below;
			at = &below->right;
			below = below->right;
		} else {
			*at = above;
			at = &above->left;
			above = above->left;
		}
	}
	*at = below ? below : above;
	return root;
}

void uiommu_viommu_mapping_insert(struct viommu_mapping **root, struct viommu_mapping *mapping)
{
	mapping->rank = rank_of(mapping->start);
	while (*root && (*root)->rank >= mapping->rank)
		root = mapping->start < (*root)->start ? &(*root)->left : &(*root)->right;
	split(*root, mapping->start, &mapping->left, &mapping->right);
	*root = mapping;
}

void uiommu_viommu_mapping_remove(struct viommu_mapping **root, struct viommu_mapping *mapping)
{
	while (*root != mapping)
		root = mapping->start < (*root)->start ? &(*root)->left : &(*root)->right;
	*root = join(mapping->left, mapping->right);
}
