/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_GROUP_SOCKETS_H
#define STEELYARD_GROUP_SOCKETS_H

#include <stddef.h>
#include <stdint.h>

#include "address.h"

/**
 * DOC: Sockets that are members of multicast groups, and do nothing else.
 *
 * The kernel charges each membership to the memory for options of its socket
 * (sysctl net.core.optmem_max): 365 fit before Linux 6.8. So they are spread
 * over sockets. Not to be used by two threads at once; calls may wait for locks
 * that the whole machine shares.
 */

/** Most memberships of one socket. */
#define GROUPS_PER_SOCKET 300

/** struct group_socket - one socket, all memberships of which are on one interface since it was last set up. */
struct group_socket {
	/** -1: the place is free. */
	int fd;
	int ifindex;
	/** Tells apart the times that the same interface was set up. */
	uint32_t generation;
	size_t members;
	/** It takes no more, whatever the count. */
	int full;
};

/** struct group_sockets - all of them; a socket's number is its place and stays. Owns memory and sockets. */
struct group_sockets {
	struct group_socket *items;
	size_t count;
};

/**
 * group_sockets_join() - become a member
 * @ifindex:	the interface
 * @generation:	when it was set up; sockets of other times are not used
 *
 * Return: the number of the socket, or a negative error number: -ENODEV
 * without the interface, -EADDRNOTAVAIL or -EINVAL where it has no IPv6.
 */
int group_sockets_join(struct group_sockets *sockets, int ifindex, uint32_t generation,
		       const struct address *group);

/** group_sockets_leave() - end a membership in socket @number, and the socket with its last one. */
void group_sockets_leave(struct group_sockets *sockets, int number, const struct address *group);

/** group_sockets_close() - end all memberships and free everything. */
void group_sockets_close(struct group_sockets *sockets);

#endif
