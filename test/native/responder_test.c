/* SPDX-License-Identifier: Apache-2.0 */
#include "responder.h"

#include <string.h>

#include "check.h"
#include "frames.h"
#include "ndp_frames.h"

#define PORT 3

/* Offsets of the fields that the cases change. */
enum { DESTINATION = 0, OPERATION = 21, SENDER_MAC = 22, SENDER = 28, TARGET = 38 };

static struct table table;
static struct entry *ours;
static struct entry *ours6;

static struct responder_verdict judge(const uint8_t frame[42])
{
	struct responder_verdict verdict;

	responder_decide_arp(&table, PORT, our_mac, frame, 42, &verdict);
	return verdict;
}

/* The request of frames.h with @length bytes at @offset replaced. */
static struct responder_verdict judge_changed(size_t offset, const void *bytes, size_t length)
{
	uint8_t frame[42];

	memcpy(frame, request_frame, sizeof(frame));
	memcpy(frame + offset, bytes, length);
	return judge(frame);
}

static void answers_a_broadcast_request(void)
{
	struct responder_verdict verdict = judge(request_frame);
	struct arp_packet reply;
	struct frame frame;

	CHECK(verdict.requested == ours && !verdict.claimed);
	responder_reply(&verdict, our_mac, &frame);
	CHECK(arp_parse(frame.bytes, frame.length, &reply));
	CHECK(reply.operation == ARP_OPERATION_REPLY);
	CHECK(mac_equal(reply.ethernet.destination, their_mac));
	CHECK(mac_equal(reply.ethernet.source, our_mac));
	CHECK(mac_equal(reply.sender_mac, our_mac));
	CHECK(mac_equal(reply.target_mac, their_mac));
	CHECK(memcmp(&reply.sender_address, service_address, 4) == 0);
	CHECK(memcmp(&reply.target_address, client_address, 4) == 0);
}

static void answers_to_the_sender_inside_the_packet(void)
{
	static const uint8_t bridge[6] = { 0x02, 0, 0, 0, 0, 0x99 };
	struct responder_verdict verdict = judge_changed(6, bridge, 6);
	struct frame frame;

	CHECK(verdict.requested == ours);
	responder_reply(&verdict, our_mac, &frame);
	CHECK(memcmp(frame.bytes, their_mac, 6) == 0);
}

static void answers_probes_and_unicast_and_foreign_subnets(void)
{
	static const uint8_t nobody[4] = { 0 };
	static const uint8_t elsewhere[4] = { 203, 0, 113, 9 };

	CHECK(judge_changed(SENDER, nobody, 4).requested == ours);
	CHECK(judge_changed(SENDER, elsewhere, 4).requested == ours);
	CHECK(judge_changed(DESTINATION, our_mac, 6).requested == ours);
}

static void is_silent_where_it_is_not_meant(void)
{
	static const uint8_t stranger[6] = { 0x02, 0, 0, 0, 0, 0x77 };
	static const uint8_t group[6] = { 0x01, 0, 0x5e, 0, 0, 1 };
	static const uint8_t not_ours[4] = { 192, 0, 2, 5 };
	static const uint8_t reply = ARP_OPERATION_REPLY;
	struct responder_verdict verdict;

	CHECK(!judge_changed(DESTINATION, stranger, 6).requested);
	CHECK(!judge_changed(DESTINATION, group, 6).requested);
	CHECK(!judge_changed(TARGET, not_ours, 4).requested);
	CHECK(!judge_changed(OPERATION, &reply, 1).requested);
	CHECK(!judge_changed(SENDER_MAC, our_mac, 6).requested);
	responder_decide_arp(&table, PORT + 1, our_mac, request_frame, 42, &verdict);
	CHECK(!verdict.requested && !verdict.claimed);
}

static void notices_claims_in_both_forms(void)
{
	static const uint8_t reply = ARP_OPERATION_REPLY;
	struct responder_verdict verdict = judge_changed(SENDER, service_address, 4);
	uint8_t frame[42];

	CHECK(verdict.claimed == ours && verdict.requested == ours && !verdict.tells);
	CHECK(mac_equal(verdict.sender_mac, their_mac));
	memcpy(frame, request_frame, sizeof(frame));
	memcpy(frame + SENDER, service_address, 4);
	memcpy(frame + OPERATION, &reply, 1);
	verdict = judge(frame);
	CHECK(verdict.claimed == ours && !verdict.requested && verdict.tells);
	memcpy(frame + SENDER_MAC, our_mac, 6);
	CHECK(!judge(frame).claimed);
}

/* The solicitation of ndp_frames.h with @length bytes at @offset replaced, and @more at @then. */
static struct responder_verdict judge_ndp(size_t offset, const void *bytes, size_t length,
					  size_t then, const void *more, size_t more_length)
{
	uint8_t frame[sizeof(solicitation_frame)];
	struct responder_verdict verdict;

	memcpy(frame, solicitation_frame, sizeof(frame));
	memcpy(frame + offset, bytes, length);
	memcpy(frame + then, more, more_length);
	put_checksum(frame);
	responder_decide_ndp(&table, PORT, our_mac, frame, sizeof(frame), &verdict);
	return verdict;
}

static void check_answer(const struct responder_verdict *verdict, const uint8_t to_mac[6],
			 const uint8_t to[16], bool solicited)
{
	struct ndp_packet answer;
	struct frame frame;

	responder_reply(verdict, our_mac, &frame);
	CHECK(ndp_parse(frame.bytes, frame.length, &answer));
	CHECK(answer.type == NDP_ADVERTISEMENT);
	CHECK(answer.override && answer.solicited == solicited && !answer.router);
	CHECK(mac_equal(answer.ethernet.destination, to_mac));
	CHECK(mac_equal(answer.ethernet.source, our_mac));
	CHECK(memcmp(answer.source.bytes, service_address6, 16) == 0);
	CHECK(memcmp(answer.target.bytes, service_address6, 16) == 0);
	CHECK(memcmp(answer.destination.bytes, to, 16) == 0);
	CHECK(answer.has_mac && mac_equal(answer.mac, our_mac));
}

static void answers_solicitations_to_the_group_and_by_unicast(void)
{
	static const uint8_t bridge[6] = { 0x02, 0, 0, 0, 0, 0x99 };
	static const uint8_t nonce[8] = { 14, 1, 1, 2, 3, 4, 5, 6 };
	struct responder_verdict verdict;

	verdict = judge_ndp(6, bridge, 6, 6, bridge, 6);
	CHECK(verdict.requested == ours6 && !verdict.claimed && !verdict.tells);
	check_answer(&verdict, their_mac, client_address6, true);

	verdict = judge_ndp(0, our_mac, 6, AT_DESTINATION, service_address6, 16);
	CHECK(verdict.requested == ours6);
	check_answer(&verdict, their_mac, client_address6, true);

	/* A group frame that an access point sent to us alone. */
	CHECK(judge_ndp(0, our_mac, 6, 0, our_mac, 6).requested == ours6);

	/* Without the sender's hardware address inside, to whoever sent it. */
	verdict = judge_ndp(6, bridge, 6, AT_OPTION, nonce, 8);
	CHECK(verdict.requested == ours6);
	check_answer(&verdict, bridge, client_address6, true);
}

static void defends_an_address_that_somebody_is_about_to_take(void)
{
	static const uint8_t all_nodes_mac[6] = { 0x33, 0x33, 0, 0, 0, 1 };
	struct responder_verdict verdict;

	responder_decide_ndp(&table, PORT, our_mac, dad_frame, sizeof(dad_frame), &verdict);
	CHECK(verdict.requested == ours6 && !verdict.claimed);
	CHECK(mac_equal(verdict.sender_mac, their_mac));
	check_answer(&verdict, all_nodes_mac, address_all_nodes.bytes, false);
}

static void is_silent_to_solicitations_that_are_not_meant(void)
{
	static const uint8_t stranger[6] = { 0x02, 0, 0, 0, 0, 0x77 };
	static const uint8_t other_group[6] = { 0x33, 0x33, 0xff, 0, 0, 5 };
	uint8_t frame[sizeof(solicitation_frame)];
	struct responder_verdict verdict;

	CHECK(!judge_ndp(0, stranger, 6, 0, stranger, 6).requested);
	CHECK(!judge_ndp(0, other_group, 6, 0, other_group, 6).requested);
	CHECK(!judge_ndp(0, mac_broadcast, 6, 0, mac_broadcast, 6).requested);
	/* The group of another address, its frame's destination too. */
	CHECK(!judge_ndp(0, other_group, 6, AT_DESTINATION + 15, (uint8_t[]){ 5 }, 1).requested);
	/* By unicast, but to an address of the node. */
	CHECK(!judge_ndp(0, our_mac, 6, AT_DESTINATION, client_address6, 16).requested);
	/* For an address that is not ours but has the same group. */
	CHECK(!judge_ndp(AT_TARGET + 8, (uint8_t[]){ 1 }, 1, 0, "", 0).requested);
	/* From ourselves. */
	CHECK(!judge_ndp(AT_OPTION + 2, our_mac, 6, 0, "", 0).requested);
	responder_decide_ndp(&table, PORT + 1, our_mac, solicitation_frame,
			     sizeof(solicitation_frame), &verdict);
	CHECK(!verdict.requested && !verdict.claimed);
	memcpy(frame, solicitation_frame, sizeof(frame));
	frame[AT_HOP_LIMIT] = 64;
	responder_decide_ndp(&table, PORT, our_mac, frame, sizeof(frame), &verdict);
	CHECK(!verdict.requested && !verdict.claimed);
	memcpy(frame, solicitation_frame, sizeof(frame));
	frame[AT_CHECKSUM] ^= 1;
	responder_decide_ndp(&table, PORT, our_mac, frame, sizeof(frame), &verdict);
	CHECK(!verdict.requested && !verdict.claimed);
}

static void notices_claims_of_an_ipv6_address(void)
{
	static const uint8_t advertisement[5] = { NDP_ADVERTISEMENT, 0, 0, 0, 0x20 };
	static const uint8_t target_mac[8] = { 2, 1, 0x02, 0, 0, 0, 0, 0x52 };
	struct responder_verdict verdict;

	verdict = judge_ndp(AT_SOURCE, service_address6, 16, 0, "", 0);
	CHECK(verdict.claimed == ours6 && verdict.requested == ours6 && !verdict.tells);

	verdict = judge_ndp(AT_TYPE, advertisement, 5, AT_OPTION, target_mac, 8);
	CHECK(verdict.claimed == ours6 && !verdict.requested && verdict.tells);
	CHECK(mac_equal(verdict.sender_mac, target_mac + 2));
	/* Without the option the claimant is whoever sent it. */
	verdict = judge_ndp(AT_TYPE, advertisement, 5, 0, "", 0);
	CHECK(verdict.claimed == ours6 && mac_equal(verdict.sender_mac, their_mac));
	CHECK(!judge_ndp(AT_TYPE, advertisement, 5, 6, our_mac, 6).claimed);
}

/* A request for such an address is worth remembering; whoever has it makes no claim. */
static void tells_what_is_only_watched(void)
{
	static const uint8_t advertisement[5] = { NDP_ADVERTISEMENT, 0, 0, 0, 0x20 };
	struct responder_verdict verdict = judge(request_frame);

	CHECK(verdict.requested == ours && !verdict.requested->answered);
	CHECK(memcmp(verdict.sender.bytes + 12, client_address, 4) == 0);
	CHECK(address_is_ipv4(&verdict.sender) && mac_equal(verdict.sender_mac, their_mac));
	CHECK(!judge_changed(SENDER, service_address, 4).claimed);

	verdict = judge_ndp(0, "", 0, 0, "", 0);
	CHECK(verdict.requested == ours6);
	CHECK(memcmp(verdict.sender.bytes, client_address6, 16) == 0);
	CHECK(!judge_ndp(AT_TYPE, advertisement, 5, 0, "", 0).claimed);
}

/* Who probes has no address yet, and a node's own announcement asks nothing. */
static void only_who_asks_under_an_address_is_an_asker(void)
{
	static const uint8_t nobody[4] = { 0 };
	static const uint8_t not_ours[4] = { 192, 0, 2, 5 };
	struct responder_verdict verdict = judge(request_frame);

	CHECK(responder_has_asker(&verdict));
	verdict = judge_changed(SENDER, nobody, 4);
	CHECK(verdict.requested && !responder_has_asker(&verdict));
	verdict = judge_changed(SENDER, service_address, 4);
	CHECK(verdict.requested && !responder_has_asker(&verdict));
	verdict = judge_changed(TARGET, not_ours, 4);
	CHECK(!responder_has_asker(&verdict));

	verdict = judge_ndp(0, "", 0, 0, "", 0);
	CHECK(responder_has_asker(&verdict));
	verdict = judge_ndp(AT_SOURCE, service_address6, 16, 0, "", 0);
	CHECK(verdict.requested && !responder_has_asker(&verdict));
	responder_decide_ndp(&table, PORT, our_mac, dad_frame, sizeof(dad_frame), &verdict);
	CHECK(verdict.requested && !responder_has_asker(&verdict));
}

int main(void)
{
	struct address address6;
	struct address address;
	uint32_t ipv4;

	memcpy(&ipv4, service_address, 4);
	address = address_from_ipv4(ipv4);
	memcpy(address6.bytes, service_address6, 16);
	table_init(&table, 1);
	ours = entry_put(&table, PORT, &address);
	ours6 = entry_put(&table, PORT, &address6);
	tells_what_is_only_watched();
	only_who_asks_under_an_address_is_an_asker();
	ours->answered = true;
	ours6->answered = true;
	only_who_asks_under_an_address_is_an_asker();
	answers_a_broadcast_request();
	answers_to_the_sender_inside_the_packet();
	answers_probes_and_unicast_and_foreign_subnets();
	is_silent_where_it_is_not_meant();
	notices_claims_in_both_forms();
	answers_solicitations_to_the_group_and_by_unicast();
	defends_an_address_that_somebody_is_about_to_take();
	is_silent_to_solicitations_that_are_not_meant();
	notices_claims_of_an_ipv6_address();
	entries_free(&table);
	return 0;
}
