/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "packet_socket.h"

#define RETRY_INTERVAL 1000000000ull

int ports_find(const struct ports *ports, const char *name, uint16_t ethertype)
{
	for (size_t i = 0; i < ports->count; i++)
		if (ports->items[i].ethertype == ethertype &&
		    strcmp(ports->items[i].name, name) == 0)
			return (int)i;
	return -1;
}

bool port_is_needed(const struct port *port)
{
	return port->entries > 0 || port->error != 0;
}

/* A port without addresses and socket makes room for the next, so that names that come and go cost nothing. */
static struct port *free_place(struct ports *ports)
{
	struct port *grown;

	for (size_t i = 0; i < ports->count; i++)
		if (!port_is_needed(&ports->items[i]) && ports->items[i].fd < 0)
			return &ports->items[i];
	grown = realloc(ports->items, (ports->count + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	ports->items = grown;
	return &grown[ports->count++];
}

int ports_get(struct ports *ports, const char *name, uint16_t ethertype)
{
	int number = ports_find(ports, name, ethertype);
	struct port *port;

	if (number >= 0)
		return number;
	port = free_place(ports);
	if (!port)
		return -ENOMEM;
	memset(port, 0, sizeof(*port));
	strncpy(port->name, name, sizeof(port->name) - 1);
	port->ethertype = ethertype;
	port->fd = -1;
	return (int)(port - ports->items);
}

static void shut(struct port *port)
{
	if (port->fd >= 0)
		close(port->fd);
	port->fd = -1;
}

static enum port_change try_open(struct port *port, int ifindex, uint64_t now)
{
	int fd = packet_socket_open(ifindex, port->ethertype);
	int error = fd < 0 ? -fd : 0;
	bool told = error == port->error;

	port->error = error;
	port->retry_at = now + RETRY_INTERVAL;
	port->ifindex = ifindex;
	if (fd < 0)
		return told ? PORT_UNCHANGED : PORT_FAILED;
	port->fd = fd;
	return PORT_OPENED;
}

enum port_change port_refresh(struct port *port, const struct interfaces *all, uint64_t now)
{
	const struct interface *found = interfaces_by_name(all, port->name);

	if (!found || !(found->flags & IFF_UP) || !found->has_mac) {
		shut(port);
		port->error = 0;
		port->retry_at = 0;
		return PORT_UNCHANGED;
	}
	memcpy(port->mac, found->mac, MAC_LENGTH);
	if (port->ifindex != found->index) {
		shut(port);
		port->retry_at = 0;
	}
	if (port->fd >= 0 || now < port->retry_at)
		return PORT_UNCHANGED;
	return try_open(port, found->index, now);
}

void port_drop(struct port *port)
{
	shut(port);
}

uint64_t ports_retry_at(const struct ports *ports)
{
	uint64_t earliest = UINT64_MAX;

	for (size_t i = 0; i < ports->count; i++) {
		const struct port *port = &ports->items[i];

		if (port->fd < 0 && port_is_needed(port) && port->retry_at != 0 &&
		    port->retry_at < earliest)
			earliest = port->retry_at;
	}
	return earliest;
}

void ports_close(struct ports *ports)
{
	for (size_t i = 0; i < ports->count; i++)
		shut(&ports->items[i]);
	free(ports->items);
	memset(ports, 0, sizeof(*ports));
}
