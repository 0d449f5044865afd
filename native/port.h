/* SPDX-License-Identifier: Apache-2.0 */
#ifndef STEELYARD_PORT_H
#define STEELYARD_PORT_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ethernet.h"
#include "interfaces.h"

/**
 * DOC: Interfaces that addresses are answered on, by name, each once for ARP and once for IPv6.
 *
 * A port outlives its interface: when one of that name comes back, perhaps with
 * another index and hardware address, it is opened anew. Once open, a port
 * keeps its socket while the interface is up, also when its last address was
 * withdrawn: closing a packet socket waits for every processor and would hold
 * up the answers on other ports.
 */

/** struct port - one of them. */
struct port {
	char name[IFNAMSIZ];
	/** What is spoken here: ETHERTYPE_OF_ARP or ETHERTYPE_OF_IPV6. */
	uint16_t ethertype;
	/** Socket, or -1 while the interface is absent, down or failing. */
	int fd;
	/** Interface that @fd is bound to, or was to be at the last attempt. */
	int ifindex;
	/** Its hardware address as of the last netlink event. */
	uint8_t mac[MAC_LENGTH];
	/** Addresses answered here. */
	size_t entries;
	/** No attempt to open before this time (ns). */
	uint64_t retry_at;
	/** Error number of the last attempt, so that one cause is told once, and its end. */
	int error;
};

/** struct ports - all of them; a port's number is its place and stays. Owns memory and sockets. */
struct ports {
	struct port *items;
	size_t count;
};

/** What port_refresh() did. */
enum port_change {
	PORT_UNCHANGED,
	PORT_OPENED,
	/** For another reason than the time before; port->error says which. */
	PORT_FAILED,
};

/**
 * ports_get() - number of the port for an interface
 * @name:	shorter than IFNAMSIZ
 * @ethertype:	what is to be spoken there
 *
 * Return: the number, the port made if missing, or -ENOMEM.
 */
int ports_get(struct ports *ports, const char *name, uint16_t ethertype);

/** ports_find() - Return: the number of that port, or -1. */
int ports_find(const struct ports *ports, const char *name, uint16_t ethertype);

/**
 * port_refresh() - bring the socket in line with the interface
 * @port:	one that is needed or has a socket
 * @all:	the picture of now
 * @now:	monotonic time in nanoseconds
 *
 * Opens, reopens or closes; takes over a new hardware address.
 */
enum port_change port_refresh(struct port *port, const struct interfaces *all, uint64_t now);

/** port_drop() - close the socket after an error; it is opened anew, but once a second at most. */
void port_drop(struct port *port);

/**
 * port_is_needed() - tell whether the port must have a socket
 *
 * One that was refused is tried on when nothing is answered there any more:
 * who was told of the refusal waits for its end, and would answer nothing there
 * before.
 */
bool port_is_needed(const struct port *port);

/** ports_retry_at() - Return: when a failed port is tried again, or UINT64_MAX. */
uint64_t ports_retry_at(const struct ports *ports);

/** ports_close() - close all sockets and free everything. */
void ports_close(struct ports *ports);

#endif
