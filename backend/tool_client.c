/* SPDX-License-Identifier: MIT */
#include "tool_client.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define ANSWER_SECONDS 60        /* a guest gets ten to close a device */
#define MAX_ANSWER     (4 << 20) /* bytes */

static int connect_daemon(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path)) {
        fprintf(stderr, "xen-venus: --control=%s: the path is too long for a socket\n", path);
        return -1;
    }
    strcpy(address.sun_path, path);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && !connect(fd, (const struct sockaddr *)&address, sizeof(address)))
        return fd;
    if (errno == ENOENT || errno == ECONNREFUSED)
        fprintf(stderr, "xen-venus: xen-venusd is not running: nothing listens on %s\n", path);
    else if (errno == EACCES)
        fprintf(stderr, "xen-venus: %s: only root may talk to xen-venusd\n", path);
    else
        fprintf(stderr, "xen-venus: %s: %s\n", path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool send_request(int fd, struct json_object *request)
{
    const char *text = json_object_to_json_string_ext(request, JSON_C_TO_STRING_PLAIN);
    const size_t size = strlen(text);
    /* The daemon takes any request that it can understand at once. */
    return send(fd, text, size, MSG_NOSIGNAL) == (ssize_t)size &&
           send(fd, "\n", 1, MSG_NOSIGNAL) == 1;
}

/* A line, without its end; to be freed. NULL with errno set; 0: the connection was closed. */
static char *receive_line(int fd)
{
    size_t size = 0, room = 4096;
    char *line = malloc(room);
    while (line) {
        const ssize_t n = recv(fd, line + size, room - size, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            errno = n ? errno : 0;
            break;
        }
        char *end = memchr(line + size, '\n', n);
        size += n;
        if (end) {
            *end = '\0';
            return line;
        }
        if (size < room)
            continue;
        room *= 2;
        char *longer = room <= MAX_ANSWER ? realloc(line, room) : NULL;
        if (!longer) {
            errno = EMSGSIZE;
            break;
        }
        line = longer;
    }
    const int saved = errno;
    free(line);
    errno = saved;
    return NULL;
}

/* Whether the answer says yes; prints what it says otherwise. */
static int check_answer(struct json_object *answer)
{
    struct json_object *value;
    if (json_object_object_get_ex(answer, "ok", &value) && json_object_get_boolean(value))
        return TOOL_EXIT_OK;
    const char *error = json_object_object_get_ex(answer, "error", &value)
                            ? json_object_get_string(value)
                            : "xen-venusd refuses and does not say why";
    fprintf(stderr, "xen-venus: %s\n", error);
    return TOOL_EXIT_REFUSED;
}

int tool_request(const char *path, struct json_object *request, struct json_object **answer)
{
    const struct timeval limit = {.tv_sec = ANSWER_SECONDS};
    int result = TOOL_EXIT_DAEMON;
    char *line = NULL;
    *answer = NULL;
    const int fd = connect_daemon(path);
    if (fd < 0)
        goto out;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    if (send_request(fd, request))
        line = receive_line(fd);
    if (!line) {
        fprintf(stderr, "xen-venus: xen-venusd does not answer: %s\n",
                errno ? strerror(errno) : "it has closed the connection");
        goto out;
    }
    *answer = json_tokener_parse(line);
    result = check_answer(*answer);
    if (result != TOOL_EXIT_OK) {
        json_object_put(*answer);
        *answer = NULL;
    }
out:
    free(line);
    if (fd >= 0)
        close(fd);
    json_object_put(request);
    return result;
}
