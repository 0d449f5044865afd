/* SPDX-License-Identifier: Apache-2.0 */
#include "groups.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "group_sockets.h"
#include "ndp.h"
#include "table.h"

#define RETRY_SECONDS 1

/* struct group - one group on one port. Only the thread frees it. */
struct group {
	/* The address is the group's. */
	struct table_key key;
	/* How many addresses need it. */
	size_t wanted;
	/* Among those that the thread has to look at. */
	bool queued;
	struct group *next;
	/* Of the thread alone: the socket that is a member, or -1, and since which setting up of the port. */
	int socket;
	uint32_t generation;
	/* The kernel refused it the last time. */
	bool refused;
};

/* struct group_port - what is known of one port. */
struct group_port {
	int ifindex;
	uint32_t generation;
	/* What was told last. */
	int error;
	/* How many of its groups are refused. */
	size_t refused;
};

/* struct group_queue - groups to look at, first in, first out. */
struct group_queue {
	struct group *head;
	struct group **tail;
};

/* struct groups - everything but @sockets, which is the thread's, is guarded by @lock. */
struct groups {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
	groups_told told;
	void *context;
	bool stopping;

	struct table table;
	struct group_port *ports;
	size_t port_count;
	struct group_queue todo;
	/* Refused by the kernel; looked at again at @retry_at. */
	struct group_queue refused;
	struct timespec retry_at;

	struct group_sockets sockets;
};

static void queue_init(struct group_queue *queue)
{
	queue->head = NULL;
	queue->tail = &queue->head;
}

static void enqueue(struct group_queue *queue, struct group *group)
{
	if (group->queued)
		return;
	group->queued = true;
	group->next = NULL;
	*queue->tail = group;
	queue->tail = &group->next;
}

static struct group *dequeue(struct group_queue *queue)
{
	struct group *group = queue->head;

	if (!group)
		return NULL;
	queue->head = group->next;
	if (!queue->head)
		queue->tail = &queue->head;
	group->queued = false;
	return group;
}

static void requeue_refused(struct groups *groups)
{
	struct group *group;

	while ((group = dequeue(&groups->refused)) != NULL)
		enqueue(&groups->todo, group);
}

/* Return: the port, made if it is missing, or NULL when memory is out. */
static struct group_port *port_at(struct groups *groups, uint32_t port)
{
	struct group_port *grown;

	if (port < groups->port_count)
		return &groups->ports[port];
	grown = realloc(groups->ports, (port + 1) * sizeof(*grown));
	if (!grown)
		return NULL;
	memset(&grown[groups->port_count], 0, (port + 1 - groups->port_count) * sizeof(*grown));
	groups->ports = grown;
	groups->port_count = port + 1;
	return &groups->ports[port];
}

/* struct group_task - one thing to do about a group: a copy, so that no lock is needed meanwhile. */
struct group_task {
	struct address address;
	int leave;
	int ifindex;
	uint32_t generation;
};

/*
 * The last refused group of a port is tried on when nobody wants it any more:
 * who was told of the refusal waits for its end.
 */
static bool is_to_be_tried(const struct group *group, const struct group_port *port)
{
	return group->wanted > 0 || (group->refused && port->refused == 1);
}

/* Compares what is with what should be. Return: true when there is something to do. */
static bool find_task(const struct groups *groups, const struct group *group,
		      struct group_task *task)
{
	const struct group_port *port = &groups->ports[group->key.port];
	bool should = is_to_be_tried(group, port) && port->ifindex > 0;
	bool is_current = group->socket >= 0 && group->generation == port->generation;

	task->address = group->key.address;
	task->leave = should && is_current ? -1 : group->socket;
	task->ifindex = should && !is_current ? port->ifindex : 0;
	task->generation = port->generation;
	return task->leave >= 0 || task->ifindex > 0;
}

/* Return: the socket that is a member now, -1 for none, or another negative error number. */
static int carry_out(struct group_sockets *sockets, const struct group_task *task)
{
	if (task->leave >= 0)
		group_sockets_leave(sockets, task->leave, &task->address);
	return task->ifindex > 0 ? group_sockets_join(sockets, task->ifindex, task->generation,
						      &task->address) :
				   -1;
}

static void retry_later(struct groups *groups, struct group *group)
{
	if (!groups->refused.head) {
		clock_gettime(CLOCK_MONOTONIC, &groups->retry_at);
		groups->retry_at.tv_sec += RETRY_SECONDS;
	}
	enqueue(&groups->refused, group);
}

static void note(struct groups *groups, struct group *group, bool refused)
{
	struct group_port *port = &groups->ports[group->key.port];

	if (refused && !group->refused)
		port->refused++;
	else if (!refused && group->refused)
		port->refused--;
	group->refused = refused;
}

/* Tells what became of a port, without the lock, unless that is known. All is well when nothing is left refused. */
static void tell(struct groups *groups, uint32_t number, uint32_t generation, int error)
{
	struct group_port *port = &groups->ports[number];

	if (port->error == error || port->generation != generation ||
	    (error == 0 && port->refused > 0))
		return;
	port->error = error;
	pthread_mutex_unlock(&groups->lock);
	groups->told(groups->context, number, error);
	pthread_mutex_lock(&groups->lock);
}

static void look_at(struct groups *groups, struct group *group)
{
	struct group_task task = { 0 };
	int socket = -1;

	if (find_task(groups, group, &task)) {
		pthread_mutex_unlock(&groups->lock);
		socket = carry_out(&groups->sockets, &task);
		pthread_mutex_lock(&groups->lock);
		group->socket = socket < 0 ? -1 : socket;
		group->generation = task.generation;
	}
	note(groups, group, task.ifindex > 0 && socket < 0);
	if (group->refused)
		retry_later(groups, group);
	if (task.ifindex > 0)
		tell(groups, group->key.port, task.generation, socket < 0 ? -socket : 0);
	if (group->wanted > 0 || group->queued)
		return;
	if (group->socket >= 0) {
		/* It was only tried. */
		enqueue(&groups->todo, group);
		return;
	}
	table_remove(&groups->table, &group->key);
	free(group);
}

static bool retry_is_due(const struct groups *groups)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec > groups->retry_at.tv_sec ||
	       (now.tv_sec == groups->retry_at.tv_sec && now.tv_nsec >= groups->retry_at.tv_nsec);
}

static void wait_for_work(struct groups *groups)
{
	if (!groups->refused.head)
		pthread_cond_wait(&groups->changed, &groups->lock);
	else
		pthread_cond_timedwait(&groups->changed, &groups->lock, &groups->retry_at);
}

static void *run(void *argument)
{
	struct groups *groups = argument;

	pthread_mutex_lock(&groups->lock);
	while (!groups->stopping) {
		struct group *group = dequeue(&groups->todo);

		if (group)
			look_at(groups, group);
		else
			wait_for_work(groups);
		if (groups->refused.head && retry_is_due(groups))
			requeue_refused(groups);
	}
	pthread_mutex_unlock(&groups->lock);
	return NULL;
}

static void release(struct groups *groups)
{
	for (size_t i = 0; i < groups->table.capacity; i++)
		free(groups->table.slots[i]);
	table_free(&groups->table);
	group_sockets_close(&groups->sockets);
	pthread_cond_destroy(&groups->changed);
	pthread_mutex_destroy(&groups->lock);
	free(groups->ports);
	free(groups);
}

int groups_create(struct groups **out, groups_told told, void *context, uint64_t seed)
{
	struct groups *groups = calloc(1, sizeof(*groups));
	pthread_condattr_t monotonic;
	sigset_t all, before;
	int error;

	if (!groups)
		return -ENOMEM;
	groups->told = told;
	groups->context = context;
	table_init(&groups->table, seed);
	queue_init(&groups->todo);
	queue_init(&groups->refused);
	pthread_mutex_init(&groups->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&groups->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	/* Signals are for the owner's threads. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&groups->thread, NULL, run, groups);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error != 0) {
		release(groups);
		return -error;
	}
	pthread_setname_np(groups->thread, "steelyard-mld");
	*out = groups;
	return 0;
}

void groups_destroy(struct groups *groups)
{
	pthread_mutex_lock(&groups->lock);
	groups->stopping = true;
	pthread_cond_signal(&groups->changed);
	pthread_mutex_unlock(&groups->lock);
	pthread_join(groups->thread, NULL);
	release(groups);
}

static struct group *find(const struct groups *groups, uint32_t port,
			  const struct address *address)
{
	struct address group = address_solicited_node(address);

	return (struct group *)table_find(&groups->table, port, &group);
}

static struct group *add(struct groups *groups, uint32_t port, const struct address *address)
{
	struct group *group = calloc(1, sizeof(*group));

	if (!group)
		return NULL;
	group->key.address = address_solicited_node(address);
	group->key.port = port;
	group->socket = -1;
	if (port_at(groups, port) && table_insert(&groups->table, &group->key) == 0)
		return group;
	free(group);
	return NULL;
}

int groups_want(struct groups *groups, uint32_t port, const struct address *address)
{
	struct group *group;

	pthread_mutex_lock(&groups->lock);
	group = find(groups, port, address);
	if (!group)
		group = add(groups, port, address);
	if (group && group->wanted++ == 0) {
		enqueue(&groups->todo, group);
		pthread_cond_signal(&groups->changed);
	}
	pthread_mutex_unlock(&groups->lock);
	return group ? 0 : -ENOMEM;
}

void groups_release(struct groups *groups, uint32_t port, const struct address *address)
{
	struct group *group;

	pthread_mutex_lock(&groups->lock);
	group = find(groups, port, address);
	if (group && --group->wanted == 0) {
		enqueue(&groups->todo, group);
		pthread_cond_signal(&groups->changed);
	}
	pthread_mutex_unlock(&groups->lock);
}

static void enqueue_port(struct groups *groups, uint32_t port)
{
	for (size_t i = 0; i < groups->table.capacity; i++) {
		struct group *group = (struct group *)groups->table.slots[i];

		if (group && group->key.port == port)
			enqueue(&groups->todo, group);
	}
}

int groups_bind(struct groups *groups, uint32_t port, int ifindex)
{
	struct group_port *item;

	pthread_mutex_lock(&groups->lock);
	item = port_at(groups, port);
	if (item && (item->ifindex > 0 || ifindex > 0)) {
		item->ifindex = ifindex;
		item->generation++;
		item->error = 0;
		requeue_refused(groups);
		enqueue_port(groups, port);
		pthread_cond_signal(&groups->changed);
	}
	pthread_mutex_unlock(&groups->lock);
	return item ? 0 : -ENOMEM;
}
