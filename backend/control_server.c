/* SPDX-License-Identifier: MIT */
#include "control_server.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "control_commands.h"
#include "exit_codes.h"
#include "log.h"
#include "vtest_listen.h"

struct control_client {
    struct control_client *next;
    struct control_server *server;
    struct loop_source source;
    char line[CONTROL_MAX_LINE]; /* what has come of it */
    size_t line_size;
    char *answer; /* what is still to be sent of it, or NULL */
    size_t answer_size, answer_sent;
    struct control_pending pending;
};

struct control_server {
    struct loop *loop;
    struct xen_guests *guests;
    struct vtest_listener listener;
    struct loop_source source;
    struct control_client *clients;
    int client_count;
};

static void drop(struct control_client *client)
{
    struct control_client **link = &client->server->clients;
    while (*link != client)
        link = &(*link)->next;
    *link = client->next;
    client->server->client_count--;
    loop_remove(client->server->loop, &client->source);
    close(client->source.fd);
    free(client->answer);
    free(client);
}

/* ---- answers ---- */

/* Read only what can be handled at once: the rest waits in the socket. */
static void choose_events(struct control_client *c)
{
    uint32_t events = 0;
    if (c->answer)
        events = EPOLLOUT;
    else if (c->pending.what == CONTROL_NOTHING)
        events = EPOLLIN;
    loop_change(c->server->loop, &c->source, events);
}

/* Send what goes. False when the client has gone. */
static bool send_answer(struct control_client *c)
{
    while (c->answer_sent < c->answer_size) {
        const ssize_t n = send(c->source.fd, c->answer + c->answer_sent,
                               c->answer_size - c->answer_sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno == EAGAIN)
            return true;
        if (n <= 0)
            return false;
        c->answer_sent += n;
    }
    free(c->answer);
    c->answer = NULL;
    return true;
}

/* Queue an answer, and put it. False when the client is of no use any more. */
static bool answer(struct control_client *c, struct json_object *reply)
{
    const char *text = json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN);
    c->answer_size = strlen(text) + 1;
    c->answer_sent = 0;
    c->answer = malloc(c->answer_size);
    if (c->answer) {
        memcpy(c->answer, text, c->answer_size - 1);
        c->answer[c->answer_size - 1] = '\n';
    }
    json_object_put(reply);
    return c->answer && send_answer(c);
}

/* ---- requests ---- */

static struct json_object *handle_line(struct control_client *c, const char *line)
{
    struct json_object *request = json_tokener_parse(line), *reply;
    if (json_object_is_type(request, json_type_object))
        reply = control_handle(c->server->guests, request, &c->pending);
    else
        reply = control_error("the request is not a JSON object");
    json_object_put(request);
    return reply;
}

/* Handle the lines that are there until one has to wait. False when the client is to be dropped. */
static bool handle_lines(struct control_client *c)
{
    char *end;
    while (!c->answer && c->pending.what == CONTROL_NOTHING &&
           (end = memchr(c->line, '\n', c->line_size))) {
        char line[CONTROL_MAX_LINE];
        const size_t size = end - c->line;
        memcpy(line, c->line, size);
        line[size] = '\0';
        c->line_size -= size + 1;
        memmove(c->line, end + 1, c->line_size);
        struct json_object *reply = handle_line(c, line);
        if (reply && !answer(c, reply))
            return false;
    }
    if (!c->answer && c->pending.what == CONTROL_NOTHING && c->line_size == sizeof(c->line)) {
        answer(c, control_error("the request is too long"));
        return false;
    }
    choose_events(c);
    return true;
}

static bool receive(struct control_client *c)
{
    const ssize_t n =
        recv(c->source.fd, c->line + c->line_size, sizeof(c->line) - c->line_size, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return true;
    if (n <= 0)
        return false;
    c->line_size += n;
    return handle_lines(c);
}

static void client_ready(struct loop_source *source, uint32_t events)
{
    struct control_client *c = source->user;
    bool good = !(events & (EPOLLHUP | EPOLLERR));
    if (good && events & EPOLLOUT)
        good = send_answer(c) && handle_lines(c);
    else if (good && events & EPOLLIN)
        good = receive(c);
    if (!good)
        drop(c);
}

void control_server_tick(struct control_server *server)
{
    struct control_client *next;
    for (struct control_client *c = server->clients; c; c = next) {
        next = c->next;
        if (c->pending.what == CONTROL_NOTHING)
            continue;
        struct json_object *reply = control_finish(server->guests, &c->pending);
        if (!reply)
            continue;
        c->pending.what = CONTROL_NOTHING;
        if (!answer(c, reply) || !handle_lines(c))
            drop(c);
    }
}

/* ---- clients ---- */

static bool may_connect(int socket)
{
    struct ucred credentials;
    socklen_t size = sizeof(credentials);
    if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &size))
        return false;
    return !credentials.uid || credentials.uid == geteuid();
}

static void accept_client(struct loop_source *source, uint32_t events)
{
    struct control_server *s = source->user;
    const int fd = accept4(source->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    (void)events;
    if (fd < 0)
        return;
    struct control_client *c = NULL;
    if (s->client_count < CONTROL_MAX_CLIENTS && may_connect(fd))
        c = calloc(1, sizeof(*c));
    if (!c)
        goto error;
    c->server = s;
    c->source = (struct loop_source){.fd = fd, .ready = client_ready, .user = c};
    if (!loop_add(s->loop, &c->source, EPOLLIN))
        goto error;
    c->next = s->clients;
    s->clients = c;
    s->client_count++;
    return;

error:
    backend_log(VENUS_LOG_WARNING, "a connection to the control socket is refused");
    free(c);
    close(fd);
}

int control_server_create(struct loop *loop, struct xen_guests *guests, const char *path,
                          struct control_server **server)
{
    struct control_server *s = *server = calloc(1, sizeof(*s));
    if (!s) {
        backend_log(VENUS_LOG_ERROR, "out of memory");
        return BACKEND_EXIT_ERROR;
    }
    s->loop = loop;
    s->guests = guests;
    int result = vtest_listen(&s->listener, path);
    if (result == BACKEND_EXIT_OK) {
        s->source = (struct loop_source){.fd = s->listener.fd, .ready = accept_client, .user = s};
        if (loop_add(loop, &s->source, EPOLLIN))
            return BACKEND_EXIT_OK;
        result = BACKEND_EXIT_ERROR;
    }
    control_server_destroy(s);
    *server = NULL;
    return result;
}

void control_server_destroy(struct control_server *server)
{
    if (!server)
        return;
    while (server->clients)
        drop(server->clients);
    vtest_listener_close(&server->listener);
    free(server);
}
