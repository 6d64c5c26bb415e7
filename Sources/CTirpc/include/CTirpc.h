#ifndef CTIRPC_H
#define CTIRPC_H

// The parts of libtirpc that this program uses, as plain functions over memory: libtirpc's own
// header is full of macros and of a variadic procedure type that Swift does not import.
// All functions are thread-safe and none but those of rpcbind block.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// RFC 5531 section 8.2: the body of a credential or verifier is at most 400 bytes.
#define CTIRPC_AUTH_LIMIT 400
#define CTIRPC_MACHINE_NAME_LIMIT 255
#define CTIRPC_GROUP_LIMIT 16

/// An AUTH_SYS credential (RFC 5531, appendix A).
struct ctirpc_auth_sys {
    uint32_t uid;
    uint32_t gid;
    uint32_t group_count;
    uint32_t groups[CTIRPC_GROUP_LIMIT];
    char machine_name[CTIRPC_MACHINE_NAME_LIMIT + 1];
};

enum ctirpc_call_status {
    CTIRPC_CALL_VALID = 0,
    /// The header of the call cannot be decoded.
    CTIRPC_CALL_MALFORMED = 1,
    /// The header can be decoded and its AUTH_SYS credential cannot.
    CTIRPC_CALL_BAD_CREDENTIAL = 2,
};

struct ctirpc_call {
    uint32_t xid;
    uint32_t program;
    uint32_t version;
    uint32_t procedure;
    uint32_t flavor;
    /// Bytes from the beginning of the record to the arguments.
    uint32_t arguments_offset;
};

/// Decodes the header of a call of RPC version 2. The AUTH_SYS parameters are read from within the
/// credential's own length and stand in `auth_sys` where the flavor says so, else it is untouched.
int ctirpc_decode_call(
    const void *bytes, uint32_t count, struct ctirpc_call *call, struct ctirpc_auth_sys *auth_sys);

/// `accept_stat` of RFC 5531. `low` and `high` count for PROG_MISMATCH only.
/// Returns the number of bytes written, 0 if `capacity` is too small (32 bytes are enough).
uint32_t ctirpc_encode_accepted_reply(
    void *bytes, uint32_t capacity, uint32_t xid, uint32_t accept_status, uint32_t low,
    uint32_t high);

/// MSG_DENIED with RPC_MISMATCH low..high.
uint32_t ctirpc_encode_rpc_mismatch(
    void *bytes, uint32_t capacity, uint32_t xid, uint32_t low, uint32_t high);

/// MSG_DENIED with AUTH_ERROR.
uint32_t ctirpc_encode_auth_error(
    void *bytes, uint32_t capacity, uint32_t xid, uint32_t auth_status);

enum ctirpc_bind_status {
    CTIRPC_BIND_DONE = 0,
    /// Nobody listens where rpcbind would.
    CTIRPC_BIND_ABSENT = 1,
    /// rpcbind said no: another user owns the mapping.
    CTIRPC_BIND_REFUSED = 2,
    /// This system has no such transport: no /etc/netconfig, or no such line in it.
    CTIRPC_BIND_NO_TRANSPORT = 3,
};

/// Replaces the mapping of (program, version, netid) by the wildcard address with `port`. Blocks.
/// `netid` is one of tcp, udp, tcp6, udp6.
int ctirpc_bind_set(uint32_t program, uint32_t version, const char *netid, uint16_t port);

/// What rpcbind says of one program and version on one transport.
struct ctirpc_mapping {
    uint32_t program;
    uint32_t version;
    uint16_t port;
    /// Cut to seven characters; those that matter here have four at most.
    char netid[8];
};

/// Lists what is mapped: at most `capacity` mappings are written. Blocks.
/// Returns how many were written, or -1 if rpcbind did not answer.
int ctirpc_bind_list(struct ctirpc_mapping *mappings, uint32_t capacity);

/// Removes the mapping of (program, version, netid); one that is not there counts as removed. Blocks.
int ctirpc_bind_unset(uint32_t program, uint32_t version, const char *netid);

#endif
