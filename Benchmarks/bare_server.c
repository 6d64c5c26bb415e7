// The least that a server of NFS can do with a READ: read(2) into a buffer, write(2) from it.
//
//   bare_server PORT FILE
//
// Answers what `nfs_load` asks of FILE, whatever the export and the name, on one connection after
// another, without looking at anything else of a call. What it takes is what the kernel takes for the
// two copies of the data and for waking the client.

#include <arpa/inet.h>
#include <endian.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MOUNT = 100005, GETATTR = 1, LOOKUP = 3, READ = 6, REPLY = 1 };
enum { ATTRIBUTES = 84, SIZE_IN_ATTRIBUTES = 20, HANDLE = 4, HEADER = 64 };
enum { MAX_CALL = 2048, MAX_DATA = 1 << 20 };
static const uint32_t last_fragment = 0x80000000u;
static uint8_t calls[64 * MAX_CALL], reply[HEADER + ATTRIBUTES + MAX_DATA + 4];
static int file;
static uint64_t file_size;

static void fail(const char *what) {
    perror(what);
    exit(1);
}

static uint32_t get32(const uint8_t *at) {
    uint32_t value;
    memcpy(&value, at, 4);
    return be32toh(value);
}

static uint64_t get64(const uint8_t *at) { return (uint64_t)get32(at) << 32 | get32(at + 4); }

static uint8_t *put32(uint8_t *at, uint32_t value) {
    value = htobe32(value);
    memcpy(at, &value, 4);
    return at + 4;
}

static size_t padded(size_t length) { return (length + 3) & ~(size_t)3; }

// Where the arguments of a call begin, behind its credentials and verifier.
static const uint8_t *arguments_of(const uint8_t *call) {
    const uint8_t *at = call + 24;
    for (int i = 0; i < 2; i++) at += 8 + padded(get32(at + 4));
    return at;
}

static uint8_t *put_read(uint8_t *at, const uint8_t *arguments) {
    const uint8_t *range = arguments + 4 + padded(get32(arguments));
    uint64_t offset = get64(range);
    uint32_t count = get32(range + 8);
    if (count > MAX_DATA) count = MAX_DATA;
    ssize_t got = pread(file, at + 16, count, (off_t)offset);
    if (got < 0) fail("pread");
    at = put32(put32(at, 0), (uint32_t)got);
    at = put32(put32(at, offset + (uint64_t)got >= file_size), (uint32_t)got) + got;
    while ((at - reply) % 4) *at++ = 0;
    return at;
}

// Writes the reply to a call, whose record mark is left out, and returns its end.
static uint8_t *answer(const uint8_t *call) {
    uint8_t *at = put32(put32(reply + 4, get32(call)), REPLY);
    for (int i = 0; i < 4; i++) at = put32(at, 0);  // accepted, no verifier, success
    uint32_t program = get32(call + 12), procedure = get32(call + 20);
    if (procedure == 0) return at;
    at = put32(at, 0);
    if (program == MOUNT || procedure == LOOKUP) return put32(put32(put32(at, HANDLE), 0), 0);
    if (procedure == READ) return put_read(at, arguments_of(call));
    if (procedure != GETATTR) fail("unknown procedure");
    memset(at, 0, ATTRIBUTES);
    put32(put32(at + SIZE_IN_ATTRIBUTES, (uint32_t)(file_size >> 32)), (uint32_t)file_size);
    return at + ATTRIBUTES;
}

static void send_reply(int connection, const uint8_t *end) {
    put32(reply, last_fragment | (uint32_t)(end - reply - 4));
    for (const uint8_t *at = reply; at < end;) {
        ssize_t sent = write(connection, at, (size_t)(end - at));
        if (sent < 0) fail("write");
        at += sent;
    }
}

static void serve(int connection) {
    size_t held = 0;
    for (;;) {
        ssize_t got = read(connection, calls + held, sizeof calls - held);
        if (got <= 0) return;
        held += (size_t)got;
        size_t done = 0;
        while (held - done >= 4) {
            size_t length = 4 + (get32(calls + done) & ~last_fragment);
            if (length > MAX_CALL) fail("call too long");
            if (held - done < length) break;
            send_reply(connection, answer(calls + done + 4));
            done += length;
        }
        memmove(calls, calls + done, held - done);
        held -= done;
    }
}

int main(int count, char **arguments) {
    if (count != 3) {
        fputs("usage: bare_server PORT FILE\n", stderr);
        return 2;
    }
    file = open(arguments[2], O_RDONLY);
    struct stat status;
    if (file < 0 || fstat(file, &status) != 0) fail(arguments[2]);
    file_size = (uint64_t)status.st_size;
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)atoi(arguments[1]))};
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) fail("bind");
    if (listen(listener, 16) != 0) fail("listen");
    for (;;) {
        int connection = accept(listener, NULL, NULL);
        if (connection < 0) fail("accept");
        setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
        serve(connection);
        close(connection);
    }
}
