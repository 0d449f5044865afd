/* SPDX-License-Identifier: Apache-2.0 */

/**
 * DOC: What goes wrong for a moment is over with that moment.
 *
 * In a network namespace of its own: the engine loses a socket, is refused one,
 * loses netlink, has no room for what it hears; and tells when all is well again,
 * also if nothing is answered by then.
 */
#include "engine.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../native/check.h"
#include "../native/frames.h"
#include "engine_state.h"

#define PATIENCE_SECONDS 20
#define CLAIMS (EVENT_QUEUE_CLAIMS + 100)

static struct engine *engine;
static struct address ipv4, ipv6;

static void shell(const char *command)
{
	CHECK(system(command) == 0);
}

static void on_notify(void *context)
{
	(void)context;
}

/* Waits for an event of that kind about the interface and protocol; others are dropped. */
static int wait_for(enum event_kind kind, const char *interface, uint16_t ethertype)
{
	static struct engine_news news;
	static size_t seen;
	uint64_t end = engine_now() + PATIENCE_SECONDS * 1000000000ull;

	for (; engine_now() < end; usleep(1000)) {
		while (seen < news.queue.count) {
			const struct event *event = &news.queue.events[seen++];

			if (event->kind == kind && event->ethertype == ethertype &&
			    strcmp(event->interface, interface) == 0)
				return event->error;
		}
		engine_take(engine, &news);
		seen = 0;
	}
	fprintf(stderr, "no event %d of %04x on \"%s\"\n", (int)kind, ethertype, interface);
	exit(1);
}

static void answer(const struct address *address)
{
	CHECK(engine_answer(engine, "lan", address, 1) == 0);
}

/* The thread sees the interface only when it is up again: one look, but the socket has had its shock. */
static void an_interface_that_was_down_for_a_moment_is_answered_on_without_a_wait(void)
{
	answer(&ipv4);
	wait_for(EVENT_SOCKET_OPENED, "lan", ETHERTYPE_OF_ARP);
	/* A socket that fails time and again is opened once a second at most. */
	usleep(1100000);
	engine_lock(engine);
	shell("ip link set lan down && ip link set lan up");
	engine_unlock(engine);
	for (bool opened = false; !opened; usleep(100)) {
		const struct port *port;

		engine_lock(engine);
		port = &engine->ports.items[ports_find(&engine->ports, "lan", ETHERTYPE_OF_ARP)];
		CHECK(port->fd >= 0 || port->retry_at <= engine_now());
		for (size_t i = 0; i < engine->queue.count; i++)
			opened = opened || (engine->queue.events[i].kind == EVENT_SOCKET_OPENED &&
					    engine->queue.events[i].ethertype == ETHERTYPE_OF_ARP);
		engine_unlock(engine);
	}
	engine_withdraw(engine, "lan", &ipv4, 1);
}

static void allow_descriptors(rlim_t count)
{
	struct rlimit limit;

	CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
	limit.rlim_cur = count;
	CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

static void a_refused_socket_is_tried_on_when_nothing_is_answered_any_more(void)
{
	shell("ip link add other type veth peer name other-far && ip link set other up");
	allow_descriptors(0);
	CHECK(engine_answer(engine, "other", &ipv4, 1) == 0);
	CHECK(wait_for(EVENT_SOCKET_FAILED, "other", ETHERTYPE_OF_ARP) == EMFILE);
	engine_withdraw(engine, "other", &ipv4, 1);
	allow_descriptors(256);
	wait_for(EVENT_SOCKET_OPENED, "other", ETHERTYPE_OF_ARP);
}

/* All the while groups on another interface stay refused, which is no news of this one. */
static void refused_groups_are_tried_on_when_nothing_is_answered_any_more(void)
{
	shell("ip link set other mtu 1200 && ip link set lan mtu 1200");
	CHECK(engine_answer(engine, "other", &ipv6, 1) == 0);
	wait_for(EVENT_SOCKET_FAILED, "other", ETHERTYPE_OF_IPV6);
	answer(&ipv6);
	wait_for(EVENT_SOCKET_FAILED, "lan", ETHERTYPE_OF_IPV6);
	engine_withdraw(engine, "lan", &ipv6, 1);
	shell("ip link set lan mtu 1500");
	wait_for(EVENT_SOCKET_OPENED, "lan", ETHERTYPE_OF_IPV6);
	/* Nothing stays a member of what nobody asked for. */
	shell("for i in $(seq 100); do grep -q 'lan .*ff02000000000000000000'01ff000004 "
	      "/proc/net/igmp6 || exit 0; sleep 0.1; done; exit 1");
}

/* The kernel's answer to a bad question arrives as an error. */
static void netlink_that_failed_is_told_when_it_works_again(void)
{
	struct {
		struct nlmsghdr header;
		struct ifinfomsg body;
	} request = {
		.header = {
			.nlmsg_len = sizeof(request),
			.nlmsg_type = RTM_GETLINK,
			.nlmsg_flags = NLM_F_REQUEST,
		},
		.body = { .ifi_index = 99999 },
	};

	engine_lock(engine);
	CHECK(send(engine->netlink.fd, &request, sizeof(request), 0) == sizeof(request));
	engine_unlock(engine);
	CHECK(wait_for(EVENT_SOCKET_FAILED, "", 0) == ENODEV);
	wait_for(EVENT_SOCKET_OPENED, "", 0);
}

static struct address service(int number)
{
	return address_from_ipv4(htonl(0x0a000000u + (uint32_t)number));
}

/* Return: of how many addresses claims were told by now. */
static size_t take_claims(bool told[CLAIMS])
{
	static struct engine_news news;
	size_t count = 0;

	engine_take(engine, &news);
	for (size_t i = 0; i < news.queue.count; i++) {
		const uint8_t *bytes = news.queue.events[i].address.bytes;

		if (news.queue.events[i].kind == EVENT_CLAIM)
			told[bytes[14] << 8 | bytes[15]] = true;
	}
	for (int i = 0; i < CLAIMS; i++)
		count += told[i];
	return count;
}

/* Another host says of each address that it has it, and the thread has heard all of it. */
static void claim_all(int fd, uint64_t heard)
{
	struct sockaddr_ll to = { .sll_family = AF_PACKET };
	uint8_t frame[sizeof(request_frame)];
	struct address_stats *stats;
	uint64_t requests;
	size_t count;

	to.sll_ifindex = (int)if_nametoindex("far");
	memcpy(frame, request_frame, sizeof(frame));
	for (int i = 0; i < CLAIMS; i++) {
		struct address address = service(i);

		memcpy(frame + 28, address.bytes + 12, 4);
		memcpy(frame + 38, address.bytes + 12, 4);
		CHECK(sendto(fd, frame, sizeof(frame), 0, (struct sockaddr *)&to, sizeof(to)) > 0);
		usleep(20);
	}
	do {
		requests = 0;
		CHECK(engine_stats(engine, &stats, &count) == 0);
		for (size_t i = 0; i < count; i++)
			requests += stats[i].requests_received;
		free(stats);
	} while (requests < heard);
}

/* All within the second in which nothing is told twice; a slow machine proves less. */
static void claims_for_which_there_was_no_room_are_told_when_they_are_made_again(void)
{
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
	bool told[CLAIMS] = { false };

	CHECK(fd >= 0);
	for (int i = 0; i < CLAIMS; i++) {
		struct address address = service(i);

		answer(&address);
	}
	CHECK(take_claims(told) == 0);
	claim_all(fd, CLAIMS);
	CHECK(take_claims(told) == EVENT_QUEUE_CLAIMS);
	claim_all(fd, 2 * CLAIMS);
	CHECK(take_claims(told) == CLAIMS);
	close(fd);
}

int main(void)
{
	const char *failed_call;

	ipv4 = address_from_ipv4(htonl(0xc0000204));
	CHECK(inet_pton(AF_INET6, "2001:db8:0:2::4", ipv6.bytes) == 1);
	shell("ip link add lan type veth peer name far && ip link set lan up && ip link set far up");
	CHECK(engine_create(&engine, on_notify, NULL, &failed_call) == 0);
	an_interface_that_was_down_for_a_moment_is_answered_on_without_a_wait();
	a_refused_socket_is_tried_on_when_nothing_is_answered_any_more();
	refused_groups_are_tried_on_when_nothing_is_answered_any_more();
	netlink_that_failed_is_told_when_it_works_again();
	claims_for_which_there_was_no_room_are_told_when_they_are_made_again();
	engine_destroy(engine);
	return 0;
}
