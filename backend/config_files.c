/* SPDX-License-Identifier: MIT */
#include "config_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libxlutil.h>
#include <linux/limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define MAX_SIZE (1 << 20) /* bytes; a guest's configuration has a few thousand */

/* One search. */
struct search {
    const char *domain;
    struct domain_config *found; /* path is NULL while there is none */
    char **seen;                 /* real paths */
    int seen_count;
    enum config_files_result result;
    struct reason *reason;
};

void domain_config_finish(struct domain_config *config)
{
    for (int i = 0; i < config->gpu_count; i++)
        free(config->gpus[i]);
    free(config->gpus);
    free(config->path);
    *config = (struct domain_config){0};
}

/* ---- files ---- */

/* Left behind by editors and package managers, next to the file proper. */
static bool is_backup(const char *name)
{
    static const char *const ends[] = {"~",    ".bak",      ".old",      ".orig",
                                       ".swp", ".dpkg-new", ".dpkg-old", ".dpkg-dist"};
    const size_t size = strlen(name);
    for (unsigned i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        const size_t end = strlen(ends[i]);
        if (size >= end && !strcmp(name + size - end, ends[i]))
            return true;
    }
    return *name == '.' || *name == '#';
}

/* A file's text, or NULL with errno set: 0 for what is no text file of a sensible size. */
static char *read_text(const char *path, int *size)
{
    struct stat st;
    char *text = NULL;
    ssize_t n;
    /* O_NONBLOCK: a FIFO must not stop us. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &st))
        goto error;
    errno = 0;
    if (!S_ISREG(st.st_mode) || st.st_size > MAX_SIZE)
        goto error;
    text = malloc(MAX_SIZE + 1);
    if (!text)
        goto error;
    n = read(fd, text, MAX_SIZE);
    if (n < 0)
        goto error;
    errno = 0;
    if (memchr(text, 0, n))
        goto error;
    text[n] = '\0';
    *size = n;
    close(fd);
    return text;

error:;
    const int saved = errno;
    free(text);
    close(fd);
    errno = saved;
    return NULL;
}

/* Whether a line assigns to `name`, as in every guest's configuration. */
static bool assigns_name(const char *text)
{
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += strspn(line, " \t\n");
        if (!strncmp(line, "name", 4) && line[4 + strspn(line + 4, " \t")] == '=')
            return true;
    }
    return false;
}

/* ---- parsing ---- */

/* libxlutil's first complaint, in `line`. */
static void first_line(const char *report, char *line, size_t size)
{
    backend_copy_printable(line, size, report ? report : "");
    const char *end = report ? strchr(report, '\n') : NULL;
    if (end && (size_t)(end - report) < size)
        line[end - report] = '\0';
}

/* Copy the gpu list into search->found. False with a reason, and what there is so far in `found`.
 */
static bool copy_gpus(struct search *s, const XLU_Config *cfg, const char *path)
{
    XLU_ConfigList *list;
    int count = 0;
    const int error = xlu_cfg_get_list(cfg, "gpu", &list, &count, 1);
    if (error == ESRCH)
        return true;
    if (error)
        return reason_set(s->reason, "%s: gpu is not a list; write gpu = [ \"hostmem=512M\" ]",
                          path);
    if (count > CONFIG_FILES_MAX_GPUS)
        return reason_set(s->reason, "%s: gpu has %d entries; at most %d are allowed", path, count,
                          CONFIG_FILES_MAX_GPUS);
    s->found->gpus = calloc(count ? count : 1, sizeof(char *));
    if (!s->found->gpus)
        return reason_set(s->reason, "%s: out of memory", path);
    for (int i = 0; i < count; i++) {
        const char *item = xlu_cfg_get_listitem(list, i);
        if (!item)
            return reason_set(s->reason, "%s: gpu[%d] is not a string", path, i);
        char *copy = strdup(item);
        if (!copy)
            return reason_set(s->reason, "%s: out of memory", path);
        s->found->gpus[s->found->gpu_count++] = copy;
    }
    return true;
}

static bool has_gpus(const XLU_Config *cfg)
{
    return xlu_cfg_get_list(cfg, "gpu", NULL, NULL, 1) != ESRCH;
}

/* A parsed file turned out to be the domain's. False with a reason. */
static bool take_file(struct search *s, const XLU_Config *cfg, const char *path)
{
    if (s->found->path) {
        /* Which of them xl was given is not known; it matters only if there is a GPU to give. */
        if (!s->found->gpu_count && !has_gpus(cfg))
            return true;
        return reason_set(s->reason, "both %s and %s have name = \"%s\"; remove or rename one",
                          s->found->path, path, s->domain);
    }
    s->found->path = strdup(path);
    if (!s->found->path)
        return reason_set(s->reason, "%s: out of memory", path);
    s->result = CONFIG_FILES_FOUND;
    return copy_gpus(s, cfg, path);
}

static void look_at_text(struct search *s, const char *path, const char *text, int size)
{
    char *report = NULL;
    size_t report_size;
    const char *name;
    FILE *file = open_memstream(&report, &report_size);
    XLU_Config *cfg = file ? xlu_cfg_init(file, path) : NULL;
    if (!cfg) {
        backend_log(VENUS_LOG_WARNING, "%s: not read: out of memory", path);
    } else if (xlu_cfg_readdata(cfg, text, size)) {
        char line[256];
        fflush(file);
        first_line(report, line, sizeof(line));
        backend_log(assigns_name(text) ? VENUS_LOG_WARNING : VENUS_LOG_DEBUG,
                    "%s: passed over, cannot be parsed: %s", path, line);
    } else if (xlu_cfg_get_string(cfg, "name", &name, 1)) {
        backend_log(VENUS_LOG_DEBUG, "%s: passed over, has no name", path);
    } else if (!strcmp(name, s->domain) && !take_file(s, cfg, path)) {
        s->result = CONFIG_FILES_ERROR;
    }
    if (cfg)
        xlu_cfg_destroy(cfg);
    if (file)
        fclose(file);
    free(report);
}

/* ---- folders ---- */

/* Note a real path. False if it is known, or without memory. */
static bool is_new(struct search *s, const char *real)
{
    for (int i = 0; i < s->seen_count; i++) {
        if (!strcmp(s->seen[i], real))
            return false;
    }
    char **seen = realloc(s->seen, (s->seen_count + 1) * sizeof(*seen));
    if (!seen)
        return false;
    s->seen = seen;
    seen[s->seen_count] = strdup(real);
    if (!seen[s->seen_count])
        return false;
    s->seen_count++;
    return true;
}

static void look_at_file(struct search *s, const char *folder, const char *name)
{
    char path[PATH_MAX], real[PATH_MAX];
    int size;
    if (snprintf(path, sizeof(path), "%s/%s", folder, name) >= (int)sizeof(path))
        return;
    if (!realpath(path, real)) {
        backend_log(VENUS_LOG_WARNING, "%s: passed over: %s", path, strerror(errno));
        return;
    }
    if (!is_new(s, real))
        return;
    char *text = read_text(real, &size);
    if (text)
        look_at_text(s, path, text, size);
    else if (errno)
        backend_log(VENUS_LOG_WARNING, "%s: passed over: %s", path, strerror(errno));
    else
        backend_log(VENUS_LOG_DEBUG, "%s: passed over, not a text file", path);
    free(text);
}

static void look_at_folder(struct search *s, const char *folder)
{
    struct dirent **entries;
    /* Sorted, so that messages do not depend on the file system. */
    const int count = scandir(folder, &entries, NULL, alphasort);
    if (count < 0) {
        backend_log(errno == ENOENT ? VENUS_LOG_DEBUG : VENUS_LOG_WARNING, "%s: passed over: %s",
                    folder, strerror(errno));
        return;
    }
    for (int i = 0; i < count; i++) {
        const char *name = entries[i]->d_name;
        if (s->result == CONFIG_FILES_ERROR || entries[i]->d_type == DT_DIR)
            continue;
        if (is_backup(name))
            backend_log(VENUS_LOG_DEBUG, "%s/%s: passed over, a backup or hidden", folder, name);
        else
            look_at_file(s, folder, name);
    }
    for (int i = 0; i < count; i++)
        free(entries[i]);
    free(entries);
}

enum config_files_result config_files_find(const char *const *folders, int folder_count,
                                           const char *domain, struct domain_config *config,
                                           struct reason *reason)
{
    struct search s = {
        .domain = domain, .found = config, .result = CONFIG_FILES_NONE, .reason = reason};
    *config = (struct domain_config){0};
    for (int i = 0; i < folder_count && s.result != CONFIG_FILES_ERROR; i++)
        look_at_folder(&s, folders[i]);
    if (s.result == CONFIG_FILES_ERROR)
        domain_config_finish(config);
    for (int i = 0; i < s.seen_count; i++)
        free(s.seen[i]);
    free(s.seen);
    return s.result;
}
