/* SPDX-License-Identifier: Apache-2.0 */
#include "group_sockets.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int change(int fd, int option, int ifindex, const struct address *group)
{
	struct ipv6_mreq request = { .ipv6mr_interface = (unsigned int)ifindex };

	memcpy(&request.ipv6mr_multiaddr, group->bytes, ADDRESS_LENGTH);
	return setsockopt(fd, IPPROTO_IPV6, option, &request, sizeof(request)) < 0 ? -errno : 0;
}

static int free_place(struct group_sockets *sockets)
{
	struct group_socket *grown;

	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->items[i].fd < 0)
			return (int)i;
	grown = realloc(sockets->items, (sockets->count + 1) * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	sockets->items = grown;
	return (int)sockets->count++;
}

static int add_socket(struct group_sockets *sockets, int ifindex, uint32_t generation)
{
	int number = free_place(sockets);

	if (number < 0)
		return number;
	sockets->items[number] = (struct group_socket){
		.fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0),
		.ifindex = ifindex,
		.generation = generation,
	};
	return sockets->items[number].fd < 0 ? -errno : number;
}

/* Return: the number of a socket with room, or -ENOENT. */
static int with_room(const struct group_sockets *sockets, int ifindex, uint32_t generation)
{
	for (size_t i = 0; i < sockets->count; i++) {
		const struct group_socket *item = &sockets->items[i];

		if (item->fd >= 0 && item->ifindex == ifindex && item->generation == generation &&
		    item->members < GROUPS_PER_SOCKET && !item->full)
			return (int)i;
	}
	return -ENOENT;
}

static void close_if_empty(struct group_socket *item)
{
	if (item->members > 0)
		return;
	close(item->fd);
	item->fd = -1;
}

int group_sockets_join(struct group_sockets *sockets, int ifindex, uint32_t generation,
		       const struct address *group)
{
	for (;;) {
		int number = with_room(sockets, ifindex, generation);
		struct group_socket *item;
		int error;

		if (number < 0)
			number = add_socket(sockets, ifindex, generation);
		if (number < 0)
			return number;
		item = &sockets->items[number];
		error = change(item->fd, IPV6_ADD_MEMBERSHIP, ifindex, group);
		if (error == 0) {
			item->members++;
			return number;
		}
		/* Where an admin has lowered the limit; a fresh socket that takes none is an error. */
		item->full = error == -ENOMEM || error == -ENOBUFS;
		if (!item->full || item->members == 0) {
			close_if_empty(item);
			return error;
		}
	}
}

void group_sockets_leave(struct group_sockets *sockets, int number, const struct address *group)
{
	struct group_socket *item = &sockets->items[number];

	/* It fails where the interface is gone, and the membership with it. */
	(void)change(item->fd, IPV6_DROP_MEMBERSHIP, item->ifindex, group);
	item->members--;
	item->full = 0;
	close_if_empty(item);
}

void group_sockets_close(struct group_sockets *sockets)
{
	for (size_t i = 0; i < sockets->count; i++)
		if (sockets->items[i].fd >= 0)
			close(sockets->items[i].fd);
	free(sockets->items);
	memset(sockets, 0, sizeof(*sockets));
}
