/* SPDX-License-Identifier: Apache-2.0 */
#include "responder.h"

#include <string.h>

#include "check.h"
#include "frames.h"

#define PORT 3

/* Offsets of the fields that the cases change. */
enum { DESTINATION = 0, OPERATION = 21, SENDER_MAC = 22, SENDER = 28, TARGET = 38 };

static struct table table;
static struct entry *ours;

static struct responder_verdict judge(const uint8_t frame[42])
{
	struct responder_verdict verdict;

	responder_decide(&table, PORT, our_mac, frame, 42, &verdict);
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
	uint8_t frame[ARP_FRAME_LENGTH];
	struct arp_packet reply;

	CHECK(verdict.requested == ours && !verdict.claimed);
	responder_reply(&verdict.packet, our_mac, frame);
	CHECK(arp_parse(frame, sizeof(frame), &reply));
	CHECK(reply.operation == ARP_OPERATION_REPLY);
	CHECK(mac_equal(reply.ethernet_destination, their_mac));
	CHECK(mac_equal(reply.ethernet_source, our_mac));
	CHECK(mac_equal(reply.sender_mac, our_mac));
	CHECK(mac_equal(reply.target_mac, their_mac));
	CHECK(memcmp(&reply.sender_address, service_address, 4) == 0);
	CHECK(memcmp(&reply.target_address, client_address, 4) == 0);
}

static void answers_to_the_sender_inside_the_packet(void)
{
	static const uint8_t bridge[6] = { 0x02, 0, 0, 0, 0, 0x99 };
	struct responder_verdict verdict = judge_changed(6, bridge, 6);
	uint8_t frame[ARP_FRAME_LENGTH];

	CHECK(verdict.requested == ours);
	responder_reply(&verdict.packet, our_mac, frame);
	CHECK(memcmp(frame, their_mac, 6) == 0);
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
	responder_decide(&table, PORT + 1, our_mac, request_frame, 42, &verdict);
	CHECK(!verdict.requested && !verdict.claimed);
}

static void notices_claims_in_both_forms(void)
{
	static const uint8_t reply = ARP_OPERATION_REPLY;
	struct responder_verdict verdict = judge_changed(SENDER, service_address, 4);
	uint8_t frame[42];

	CHECK(verdict.claimed == ours && verdict.requested == ours);
	memcpy(frame, request_frame, sizeof(frame));
	memcpy(frame + SENDER, service_address, 4);
	memcpy(frame + OPERATION, &reply, 1);
	verdict = judge(frame);
	CHECK(verdict.claimed == ours && !verdict.requested);
	memcpy(frame + SENDER_MAC, our_mac, 6);
	CHECK(!judge(frame).claimed);
}

int main(void)
{
	uint32_t address;

	memcpy(&address, service_address, 4);
	table_init(&table);
	ours = table_insert(&table, PORT, address);
	answers_a_broadcast_request();
	answers_to_the_sender_inside_the_packet();
	answers_probes_and_unicast_and_foreign_subnets();
	is_silent_where_it_is_not_meant();
	notices_claims_in_both_forms();
	table_free(&table);
	return 0;
}
