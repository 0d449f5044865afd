/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "announcement.h"
#include "engine_state.h"
#include "responder.h"

#define MILLISECOND 1000000ull
#define NETLINK_RETRY_INTERVAL (1000 * MILLISECOND)
#define NOTIFY_INTERVAL (10 * MILLISECOND)
#define EVENTS_PER_WAIT 16

_Static_assert(DIRECTED_FRAMES <= PACKET_BATCH, "who is told of one address fits one batch");

/* What an epoll event is about: one of the first two, or a port's number behind them. */
enum { SOURCE_WAKE, SOURCE_NETLINK, SOURCE_PORTS };

static int watch(struct engine *engine, int fd, uint64_t source)
{
	struct epoll_event event = { .events = EPOLLIN, .data = { .u64 = source } };

	return epoll_ctl(engine->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 ? -errno : 0;
}

/* Without a port it is about netlink. */
static void tell(struct engine *engine, enum event_kind kind, const struct port *port, int error)
{
	struct event event = { .kind = kind, .error = error };

	if (port) {
		memcpy(event.interface, port->name, sizeof(event.interface));
		event.ethertype = port->ethertype;
	}
	event_queue_put(&engine->queue, &event);
}

static void tell_failure(struct engine *engine, const struct port *port, int error)
{
	tell(engine, EVENT_SOCKET_FAILED, port, error);
	if (!port)
		engine->netlink_failed = true;
}

static void bind_groups(struct engine *engine, size_t number)
{
	const struct port *port = &engine->ports.items[number];

	if (port->ethertype == ETHERTYPE_OF_IPV6 &&
	    groups_bind(engine->groups, (uint32_t)number, port->fd < 0 ? 0 : port->ifindex) < 0)
		tell_failure(engine, port, ENOMEM);
}

static void refresh_port(struct engine *engine, size_t number, uint64_t now)
{
	struct port *port = &engine->ports.items[number];
	int error;

	if (!port_is_needed(port) && port->fd < 0)
		return;
	switch (port_refresh(port, &engine->interfaces, now)) {
	case PORT_OPENED:
		bind_groups(engine, number);
		error = watch(engine, port->fd, SOURCE_PORTS + number);
		if (error < 0) {
			port_drop(port);
			tell_failure(engine, port, -error);
			break;
		}
		tell(engine, EVENT_SOCKET_OPENED, port, 0);
		break;
	case PORT_FAILED:
		tell_failure(engine, port, port->error);
		break;
	case PORT_UNCHANGED:
		if (port->fd < 0)
			bind_groups(engine, number);
		break;
	}
}

static void refresh_ports(struct engine *engine, uint64_t now)
{
	if (!engine->ports_stale && ports_retry_at(&engine->ports) > now)
		return;
	engine->ports_stale = false;
	for (size_t i = 0; i < engine->ports.count; i++)
		refresh_port(engine, i, now);
}

static void reopen_netlink(struct engine *engine, uint64_t now)
{
	int error = netlink_open(&engine->netlink, &engine->interfaces);

	if (error == 0) {
		error = watch(engine, engine->netlink.fd, SOURCE_NETLINK);
		if (error < 0)
			netlink_close(&engine->netlink);
	}
	if (error < 0) {
		tell_failure(engine, NULL, -error);
	} else if (engine->netlink_failed) {
		tell(engine, EVENT_SOCKET_OPENED, NULL, 0);
		engine->netlink_failed = false;
	}
	engine->netlink_retry_at = now + NETLINK_RETRY_INTERVAL;
}

/* Lost events (ENOBUFS) are no failure: the kernel is asked for everything again, at once. */
static void follow_netlink(struct engine *engine, uint64_t now)
{
	int error = netlink_receive(&engine->netlink, &engine->interfaces);

	engine->ports_stale = true;
	if (error == 0)
		return;
	netlink_close(&engine->netlink);
	if (error == -ENOBUFS)
		reopen_netlink(engine, now);
	else
		tell_failure(engine, NULL, -error);
}

/* Answers one batch of frames: one system call in, one out. */
static void serve_port(struct engine *engine, size_t number, uint64_t now)
{
	struct port *port = &engine->ports.items[number];
	struct entry *answered[PACKET_BATCH];
	responder_decide decide = port->ethertype == ETHERTYPE_OF_ARP ? responder_decide_arp :
									responder_decide_ndp;
	int received = packet_socket_receive(port->fd, &engine->received);
	int replies = 0;
	int sent;

	if (received < 0) {
		if (received != -ENETDOWN)
			tell_failure(engine, port, -received);
		port_drop(port);
		return;
	}
	for (int i = 0; i < received; i++) {
		struct responder_verdict verdict;
		struct frame reply;

		if (!packet_batch_arrived_on(&engine->received, i, port->ifindex))
			continue;
		decide(&engine->table, (uint32_t)number, port->mac, engine->received.frames[i],
		       packet_batch_length(&engine->received, i), &verdict);
		engine_note_claim(engine, (uint32_t)number, &verdict, now);
		if (!verdict.requested)
			continue;
		if (responder_has_asker(&verdict))
			requesters_note(&engine->requesters, &verdict.requested->requesters,
					&verdict.sender, verdict.sender_mac);
		if (!verdict.requested->answered)
			continue;
		verdict.requested->requests_received++;
		responder_reply(&verdict, port->mac, &reply);
		packet_batch_put(&engine->sending, replies, &reply);
		answered[replies++] = verdict.requested;
	}
	sent = packet_socket_send(port->fd, &engine->sending, replies);
	for (int i = 0; i < sent; i++)
		answered[i]->replies_sent++;
}

/* A round that falls into a time without link is not made up for; whoever sees the link return announces again. */
static void send_round(struct engine *engine, struct entry *entry)
{
	const struct port *port = &engine->ports.items[entry->key.port];
	struct frame frames[ANNOUNCEMENT_FRAMES];
	int count;

	if (port->fd < 0)
		return;
	count = announcement_write(&entry->key.address, port->mac, frames);
	for (int i = 0; i < count; i++)
		packet_batch_put(&engine->sending, i, &frames[i]);
	entry->gratuitous_sent += (uint64_t)packet_socket_send(port->fd, &engine->sending, count);
}

/* Return: how many frames were to be sent. */
static unsigned int send_directed(struct engine *engine, struct entry *entry)
{
	const struct port *port = &engine->ports.items[entry->key.port];
	const struct interface *interface = interfaces_by_name(&engine->interfaces, port->name);
	struct frame frames[DIRECTED_FRAMES];
	int count;

	if (port->fd < 0 || !interface)
		return 0;
	count = directed_write(&entry->key.address, port->mac, &engine->gateways, interface,
			       &entry->requesters, frames);
	for (int i = 0; i < count; i++)
		packet_batch_put(&engine->sending, i, &frames[i]);
	entry->directed_sent += (uint64_t)packet_socket_send(port->fd, &engine->sending, count);
	return (unsigned int)count;
}

static struct entry *entry_of(struct burst_node *node, size_t offset)
{
	return (struct entry *)((char *)node - offset);
}

static void send_bursts(struct engine *engine, uint64_t now)
{
	struct burst_node *node;

	while ((node = burst_take(&engine->burst, now)) != NULL)
		send_round(engine, entry_of(node, offsetof(struct entry, burst)));
	while ((node = burst_take(&engine->directed, now)) != NULL)
		burst_charge(&engine->directed, node,
			     send_directed(engine,
					   entry_of(node, offsetof(struct entry, directed))));
}

static void drain_wake(const struct engine *engine)
{
	uint64_t count;

	/* Nothing to read is as good: the caller looks around anyway. */
	if (read(engine->wake_fd, &count, sizeof(count)) < 0)
		return;
}

static void handle_source(struct engine *engine, uint64_t source, uint64_t now)
{
	if (source == SOURCE_WAKE)
		drain_wake(engine);
	else if (source == SOURCE_NETLINK && engine->netlink.fd >= 0)
		follow_netlink(engine, now);
	else if (source >= SOURCE_PORTS && engine->ports.items[source - SOURCE_PORTS].fd >= 0)
		serve_port(engine, source - SOURCE_PORTS, now);
}

static bool has_news(const struct engine *engine)
{
	return engine->queue.count > 0 || engine->interfaces.changed;
}

/* Marks the owner as told. Return: true when it must be told now. */
static bool must_notify(struct engine *engine, uint64_t now)
{
	if (!has_news(engine) || engine->notified || now < engine->notify_not_before)
		return false;
	engine->notified = true;
	engine->notify_not_before = now + NOTIFY_INTERVAL;
	return true;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* Milliseconds until there is something to do by the clock, rounded up; -1 for never. */
static int next_timeout(const struct engine *engine, uint64_t now)
{
	uint64_t at = earlier(burst_wake_at(&engine->burst), burst_wake_at(&engine->directed));

	at = earlier(at, ports_retry_at(&engine->ports));
	if (engine->netlink.fd < 0)
		at = earlier(at, engine->netlink_retry_at);
	if (has_news(engine) && !engine->notified)
		at = earlier(at, engine->notify_not_before);
	if (at == UINT64_MAX)
		return -1;
	return at <= now ? 0 : (int)((at - now + MILLISECOND - 1) / MILLISECOND);
}

/* Everything that is to be done now, under the lock. Return: true when the owner must be told. */
static bool work(struct engine *engine, const struct epoll_event *events, int count)
{
	uint64_t now = engine_now();

	for (int i = 0; i < count; i++)
		handle_source(engine, events[i].data.u64, now);
	if (engine->netlink.fd < 0 && engine->netlink_retry_at <= now)
		reopen_netlink(engine, now);
	refresh_ports(engine, now);
	send_bursts(engine, now);
	return must_notify(engine, now);
}

void *engine_run(void *argument)
{
	struct engine *engine = argument;
	int timeout = 0;

	engine_lock(engine);
	if (watch(engine, engine->wake_fd, SOURCE_WAKE) < 0 ||
	    watch(engine, engine->netlink.fd, SOURCE_NETLINK) < 0)
		tell_failure(engine, NULL, errno);
	while (!engine->stopping) {
		struct epoll_event events[EVENTS_PER_WAIT];
		bool notify;
		int count;

		engine_unlock(engine);
		count = epoll_wait(engine->epoll_fd, events, EVENTS_PER_WAIT, timeout);
		engine_lock(engine);
		notify = work(engine, events, count);
		timeout = next_timeout(engine, engine_now());
		if (notify) {
			engine_unlock(engine);
			engine->notify(engine->context);
			engine_lock(engine);
		}
	}
	engine_unlock(engine);
	return NULL;
}
