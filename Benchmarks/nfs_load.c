// Load for an NFSv3 server: one TCP connection, DEPTH calls outstanding, replies in any order.
//
//   nfs_load ADDRESS NFS_PORT MOUNT_PORT EXPORT FILE TEST COUNT DEPTH [SIZE]
//
//   null       COUNT NULL calls                  getattr    COUNT GETATTR of FILE
//   lookup     COUNT LOOKUP of FILE's name       read       COUNT READs of SIZE, one after another
//   random     COUNT READs of SIZE at random multiples of SIZE
//   list       COUNT times the whole directory FILE by READDIRPLUS, replies of SIZE at most
//
// FILE is relative to EXPORT. A READ past the end goes on at the beginning. A READ that is told to
// come again (JUKEBOX) or is answered short is repeated for what it lacks. Prints one line:
// calls (of list: entries), bytes, seconds in all, seconds from the first byte of data to the end.

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NFS = 100003, MOUNT = 100005, GETATTR = 1, LOOKUP = 3, READ = 6, READDIRPLUS = 17 };
enum { ATTRIBUTES = 84, DIRECTORY_COUNT = 8192 };
enum { NFS_OK = 0, NFS_JUKEBOX = 10008, REPLY = 1, AUTH_SYS = 1 };
enum { MAX_DEPTH = 1024, MAX_CALL = 2048, MAX_REPLY = 8 << 20 };
static const uint32_t last_fragment = 0x80000000u;

struct handle {
    uint32_t length;
    uint8_t bytes[64];
};

struct connection {
    int socket;
    uint8_t *buffer;
    size_t begin, end;
};

struct call {
    uint64_t offset;
    uint32_t count;
};

static void fail(const char *what) {
    fprintf(stderr, "nfs_load: %s%s%s\n", what, errno ? ": " : "", errno ? strerror(errno) : "");
    exit(1);
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

// Writing a call

static uint8_t *put32(uint8_t *at, uint32_t value) {
    value = htobe32(value);
    memcpy(at, &value, 4);
    return at + 4;
}

static uint8_t *put_opaque(uint8_t *at, const void *bytes, uint32_t length) {
    at = put32(at, length);
    memset(at, 0, (length + 3u) & ~3u);
    memcpy(at, bytes, length);
    return at + ((length + 3u) & ~3u);
}

static uint8_t *put_header(uint8_t *at, uint32_t xid, uint32_t program, uint32_t procedure) {
    at += 4;  // the record mark, known at the end
    const uint32_t call[] = {xid, 0, 2, program, 3, procedure, AUTH_SYS, 28, 0, 5};
    for (size_t i = 0; i < sizeof call / sizeof *call; i++) at = put32(at, call[i]);
    memcpy(at, "bench\0\0\0", 8);
    at += 8;
    for (int i = 0; i < 5; i++) at = put32(at, 0);  // uid, gid, no groups; no verifier
    return at;
}

static void mark(uint8_t *start, const uint8_t *end) {
    put32(start, last_fragment | (uint32_t)(end - start - 4));
}

static void send_all(int socket, const uint8_t *bytes, size_t length) {
    while (length > 0) {
        ssize_t sent = write(socket, bytes, length);
        if (sent <= 0) fail("write");
        bytes += sent;
        length -= (size_t)sent;
    }
}

// Reading a reply

struct reader {
    const uint8_t *at, *end;
};

static uint32_t get32(struct reader *reader) {
    if (reader->end - reader->at < 4) {
        errno = 0;
        fail("reply too short");
    }
    uint32_t value;
    memcpy(&value, reader->at, 4);
    reader->at += 4;
    return be32toh(value);
}

static void skip(struct reader *reader, size_t length) {
    length = (length + 3u) & ~(size_t)3u;
    if ((size_t)(reader->end - reader->at) < length) {
        errno = 0;
        fail("reply too short");
    }
    reader->at += length;
}

static void fill(struct connection *connection, size_t needed) {
    if (connection->end - connection->begin >= needed) return;
    if (connection->begin > 0) {
        size_t kept = connection->end - connection->begin;
        memmove(connection->buffer, connection->buffer + connection->begin, kept);
        connection->begin = 0;
        connection->end = kept;
    }
    while (connection->end < needed) {
        uint8_t *free = connection->buffer + connection->end;
        ssize_t got = recv(connection->socket, free, MAX_REPLY - connection->end, 0);
        if (got == 0) errno = 0;
        if (got <= 0) fail("connection ended");
        connection->end += (size_t)got;
    }
}

static bool holds_a_reply(const struct connection *connection) {
    struct reader reader = {connection->buffer + connection->begin,
                            connection->buffer + connection->end};
    size_t held = connection->end - connection->begin;
    return held >= 4 && held >= 4 + (size_t)(get32(&reader) & ~last_fragment);
}

// The results of the next reply; valid until the next call of this function.
static struct reader next_reply(struct connection *connection, uint32_t *xid) {
    fill(connection, 4);
    struct reader start = {connection->buffer + connection->begin,
                           connection->buffer + connection->end};
    uint32_t length = get32(&start);
    if (!(length & last_fragment) || (length & ~last_fragment) > MAX_REPLY - 4) {
        errno = 0;
        fail("record in fragments or too long");
    }
    length &= ~last_fragment;
    fill(connection, 4 + length);
    const uint8_t *body = connection->buffer + connection->begin + 4;
    connection->begin += 4 + length;
    struct reader reader = {body, body + length};
    *xid = get32(&reader);
    bool accepted = get32(&reader) == REPLY && get32(&reader) == 0;
    get32(&reader);
    skip(&reader, get32(&reader));
    errno = 0;
    if (!accepted || get32(&reader) != 0) fail("call rejected");
    return reader;
}

static struct reader one_call(struct connection *connection, uint8_t *call, uint8_t *end) {
    mark(call, end);
    send_all(connection->socket, call, (size_t)(end - call));
    uint32_t xid;
    return next_reply(connection, &xid);
}

static struct connection connect_to(const char *address, const char *port) {
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
    if (inet_pton(AF_INET, address, &to.sin_addr) != 1) fail("address");
    struct connection connection = {socket(AF_INET, SOCK_STREAM, 0), malloc(MAX_REPLY), 0, 0};
    int on = 1;
    if (connection.socket < 0 || !connection.buffer) fail("socket");
    if (connect(connection.socket, (struct sockaddr *)&to, sizeof to) != 0) fail("connect");
    setsockopt(connection.socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return connection;
}

static struct handle get_handle(struct reader *reader) {
    struct handle handle = {.length = get32(reader)};
    errno = 0;
    if (handle.length > sizeof handle.bytes) fail("handle too long");
    memcpy(handle.bytes, reader->at, handle.length);
    skip(reader, handle.length);
    return handle;
}

static void require_ok(struct reader *reader, const char *what) {
    errno = 0;
    if (get32(reader) != NFS_OK) fail(what);
}

static struct handle mount_export(struct connection *connection, const char *export) {
    uint8_t call[MAX_CALL];
    uint8_t *end = put_header(call, 1, MOUNT, 1);
    end = put_opaque(end, export, (uint32_t)strlen(export));
    struct reader reader = one_call(connection, call, end);
    require_ok(&reader, "MNT refused");
    return get_handle(&reader);
}

static struct handle lookup(struct connection *connection, struct handle directory,
                            const char *name) {
    uint8_t call[MAX_CALL];
    uint8_t *end = put_header(call, 1, NFS, LOOKUP);
    end = put_opaque(end, directory.bytes, directory.length);
    end = put_opaque(end, name, (uint32_t)strlen(name));
    struct reader reader = one_call(connection, call, end);
    require_ok(&reader, "LOOKUP");
    return get_handle(&reader);
}

static uint64_t size_of(struct connection *connection, struct handle file) {
    uint8_t call[MAX_CALL];
    uint8_t *end = put_opaque(put_header(call, 1, NFS, GETATTR), file.bytes, file.length);
    struct reader reader = one_call(connection, call, end);
    require_ok(&reader, "GETATTR");
    skip(&reader, 5 * 4);
    uint64_t high = get32(&reader);
    return high << 32 | get32(&reader);
}

// The load

struct load {
    struct connection connection;
    struct handle directory, file;
    const char *name;
    uint64_t file_size, next_offset, bytes;
    uint32_t procedure, size;
    bool random;
    struct call calls[MAX_DEPTH];
    double first_byte;
};

static void choose_range(struct load *load, struct call *call) {
    if (load->random) {
        uint64_t blocks = load->file_size / load->size;
        call->offset = (uint64_t)(drand48() * (double)blocks) * load->size;
    } else {
        call->offset = load->next_offset;
        load->next_offset += load->size;
        if (load->next_offset >= load->file_size) load->next_offset = 0;
    }
    uint64_t left = load->file_size - call->offset;
    call->count = left < load->size ? (uint32_t)left : load->size;
}

static uint8_t *put_call(const struct load *load, uint8_t *start, uint32_t slot) {
    uint8_t *at = put_header(start, slot, NFS, load->procedure);
    const struct call *call = &load->calls[slot];
    if (load->procedure == LOOKUP) {
        at = put_opaque(at, load->directory.bytes, load->directory.length);
        at = put_opaque(at, load->name, (uint32_t)strlen(load->name));
    } else if (load->procedure != 0) {
        at = put_opaque(at, load->file.bytes, load->file.length);
    }
    if (load->procedure == READ) {
        at = put32(at, (uint32_t)(call->offset >> 32));
        at = put32(at, (uint32_t)call->offset);
        at = put32(at, call->count);
    }
    mark(start, at);
    return at;
}

// Whether the call in `slot` is done; otherwise what is left of it has to be sent again.
static bool take_reply(struct load *load, struct reader *reader, uint32_t slot) {
    if (load->procedure == 0) return true;
    errno = 0;
    uint32_t status = get32(reader);
    if (load->procedure == READ && status == NFS_JUKEBOX) return false;
    if (status != NFS_OK) fail("status");
    if (load->procedure != READ) return true;
    if (get32(reader)) skip(reader, ATTRIBUTES);
    uint32_t count = get32(reader);
    bool end = get32(reader) != 0;
    if (get32(reader) != count || (size_t)(reader->end - reader->at) < count) fail("READ length");
    if (count == 0 && !end) fail("READ of nothing");
    if (load->bytes == 0) load->first_byte = now();
    load->bytes += count;
    struct call *call = &load->calls[slot];
    call->offset += count;
    call->count = count >= call->count ? 0 : call->count - count;
    return call->count == 0 || end;
}

static void run(struct load *load, uint64_t count, uint32_t depth) {
    static uint8_t out[MAX_DEPTH * 512];
    uint8_t *end = out;
    uint64_t sent = 0, done = 0;
    for (uint32_t slot = 0; slot < depth && sent < count; slot++, sent++) {
        if (load->procedure == READ) choose_range(load, &load->calls[slot]);
        end = put_call(load, end, slot);
    }
    while (done < count) {
        // One write carries all calls that the replies already received have made room for.
        struct connection *connection = &load->connection;
        if (end > out && !holds_a_reply(connection)) {
            send_all(connection->socket, out, (size_t)(end - out));
            end = out;
        }
        uint32_t slot;
        struct reader reader = next_reply(connection, &slot);
        errno = 0;
        if (slot >= depth) fail("unknown xid");
        if (take_reply(load, &reader, slot)) {
            done++;
            if (sent == count) continue;
            sent++;
            if (load->procedure == READ) choose_range(load, &load->calls[slot]);
        }
        end = put_call(load, end, slot);
    }
}

// Takes one page of a listing. Returns whether it was the last one.
static bool take_page(struct reader *reader, uint64_t *cookie, uint64_t *entries) {
    require_ok(reader, "READDIRPLUS");
    if (get32(reader)) skip(reader, ATTRIBUTES);
    skip(reader, 8);  // the verifier, which is zero here and there
    uint64_t before = *entries;
    while (get32(reader)) {
        skip(reader, 8);
        skip(reader, get32(reader));
        uint64_t high = get32(reader);
        *cookie = high << 32 | get32(reader);
        if (!get32(reader)) fail("entry without attributes");
        skip(reader, ATTRIBUTES);
        if (!get32(reader)) fail("entry without a handle");
        skip(reader, get32(reader));
        ++*entries;
    }
    bool end = get32(reader) != 0;
    if (!end && *entries == before) fail("no progress");
    return end;
}

// Lists the directory, page by page as its cookies say. Returns how many entries it has.
static uint64_t list(struct load *load) {
    uint8_t call[MAX_CALL];
    uint64_t cookie = 0, entries = 0;
    for (bool end = false; !end;) {
        uint8_t *at = put_header(call, 1, NFS, READDIRPLUS);
        at = put_opaque(at, load->file.bytes, load->file.length);
        at = put32(put32(at, (uint32_t)(cookie >> 32)), (uint32_t)cookie);
        at = put32(put32(at, 0), 0);
        at = put32(put32(at, DIRECTORY_COUNT), load->size);
        struct reader reader = one_call(&load->connection, call, at);
        load->bytes += (uint64_t)(reader.end - reader.at);
        end = take_page(&reader, &cookie, &entries);
    }
    return entries;
}

int main(int count, char **arguments) {
    errno = 0;
    if (count < 9) fail("arguments");
    struct connection mounting = connect_to(arguments[1], arguments[3]);
    static struct load load;
    load.directory = mount_export(&mounting, arguments[4]);
    close(mounting.socket);
    load.connection = connect_to(arguments[1], arguments[2]);
    load.file = load.directory;
    char *path = strdup(arguments[5]);
    for (char *name = strtok(path, "/"); name; name = strtok(NULL, "/")) {
        load.directory = load.file;
        load.name = name;
        load.file = lookup(&load.connection, load.directory, name);
    }
    load.file_size = size_of(&load.connection, load.file);
    if (!load.name) fail("FILE is empty");
    const char *test = arguments[6];
    uint64_t calls = strtoull(arguments[7], NULL, 10);
    uint32_t depth = (uint32_t)atoi(arguments[8]);
    load.size = count > 9 ? (uint32_t)atoi(arguments[9]) : 1 << 20;
    load.random = strcmp(test, "random") == 0;
    if (strcmp(test, "getattr") == 0) load.procedure = GETATTR;
    if (strcmp(test, "lookup") == 0) load.procedure = LOOKUP;
    if (strcmp(test, "read") == 0 || load.random) load.procedure = READ;
    if (depth < 1 || depth > MAX_DEPTH) fail("depth");
    if (load.random && load.file_size < load.size) fail("file too small");
    double began = now();
    load.first_byte = began;
    if (strcmp(test, "list") == 0) {
        uint64_t times = calls;
        calls = 0;
        while (times-- > 0) calls += list(&load);
    } else {
        run(&load, calls, depth);
    }
    double ended = now();
    printf("%" PRIu64 " %" PRIu64 " %.6f %.6f\n", calls, load.bytes, ended - began,
           ended - load.first_byte);
    return 0;
}
