/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_GROUPS_H
#define STEELYARD_GROUPS_H

#include <stdint.h>

#include "address.h"

/**
 * DOC: Being asked: memberships in the solicited-node groups of the IPv6 addresses.
 *
 * A switch that listens to MLD sends solicitations only where a member of the
 * group is, and a network card drops groups that nobody asked it for. A packet
 * socket alone makes us no member, so kernel sockets join for it.
 *
 * Joining may wait for locks that the whole machine shares, so a thread of its
 * own does it, and answers go on meanwhile. It is told what is wanted, and
 * tries again each second what the kernel refuses.
 *
 * Functions may be called from any thread and return at once.
 */
struct groups;

/**
 * typedef groups_told - the kernel refuses memberships on a port, or no longer does
 * @port:	its number
 * @error:	positive error number, or 0
 *
 * Called on the groups' thread, without its lock; once for each cause.
 */
typedef void (*groups_told)(void *context, uint32_t port, int error);

/**
 * groups_create() - start the thread
 * @out:	to be ended with groups_destroy(); set on success only
 * @seed:	random
 *
 * Return: 0, or a negative error number.
 */
int groups_create(struct groups **out, groups_told told, void *context, uint64_t seed);

/** groups_destroy() - end the thread and all memberships, wait for it, free everything. Not from within @told. */
void groups_destroy(struct groups *groups);

/**
 * groups_want() - be a member of the solicited-node group of an address
 *
 * To be ended with groups_release(), as often as it was called.
 *
 * Return: 0, or -ENOMEM.
 */
int groups_want(struct groups *groups, uint32_t port, const struct address *address);

void groups_release(struct groups *groups, uint32_t port, const struct address *address);

/**
 * groups_bind() - tell which interface a port is on
 * @ifindex:	0 while it is on none
 *
 * All memberships wanted there are entered again, also when the interface is
 * the same as before: it may have been down, or made anew.
 *
 * Return: 0, or -ENOMEM.
 */
int groups_bind(struct groups *groups, uint32_t port, int ifindex);

#endif
