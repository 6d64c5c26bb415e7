#include "CTirpc.h"

#include <arpa/inet.h>
#include <netconfig.h>
#include <netinet/in.h>
#include <rpc/rpc.h>
#include <rpc/rpcb_clnt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

// libtirpc allocates whatever it decodes into a null pointer, so every pointer is set beforehand.

static bool decode_auth_sys(char *body, u_int length, struct ctirpc_auth_sys *auth_sys) {
    XDR xdr;
    struct authunix_parms parameters = {
        .aup_machname = auth_sys->machine_name,
        .aup_gids = auth_sys->groups,
    };
    // Bounded to the credential's length: what it claims beyond that is not read from elsewhere.
    xdrmem_create(&xdr, body, length, XDR_DECODE);
    if (!xdr_authunix_parms(&xdr, &parameters)) return false;
    auth_sys->uid = (uint32_t)parameters.aup_uid;
    auth_sys->gid = (uint32_t)parameters.aup_gid;
    auth_sys->group_count = parameters.aup_len;
    return true;
}

int ctirpc_decode_call(
    const void *bytes, uint32_t count, struct ctirpc_call *call, struct ctirpc_auth_sys *auth_sys) {
    // Aligned as the parameters inside it would like.
    _Alignas(8) char credential[CTIRPC_AUTH_LIMIT];
    _Alignas(8) char verifier[CTIRPC_AUTH_LIMIT];
    XDR xdr;
    struct rpc_msg message;
    memset(&message, 0, sizeof message);
    message.rm_call.cb_cred.oa_base = credential;
    message.rm_call.cb_verf.oa_base = verifier;

    // XDR_DECODE does not write to the memory.
    xdrmem_create(&xdr, (char *)bytes, count, XDR_DECODE);
    if (!xdr_callmsg(&xdr, &message)) return CTIRPC_CALL_MALFORMED;

    call->xid = message.rm_xid;
    call->program = (uint32_t)message.rm_call.cb_prog;
    call->version = (uint32_t)message.rm_call.cb_vers;
    call->procedure = (uint32_t)message.rm_call.cb_proc;
    call->flavor = (uint32_t)message.rm_call.cb_cred.oa_flavor;
    call->arguments_offset = XDR_GETPOS(&xdr);

    if (message.rm_call.cb_cred.oa_flavor == AUTH_SYS
        && !decode_auth_sys(credential, message.rm_call.cb_cred.oa_length, auth_sys)) {
        return CTIRPC_CALL_BAD_CREDENTIAL;
    }
    return CTIRPC_CALL_VALID;
}

static uint32_t encode_reply(void *bytes, uint32_t capacity, struct rpc_msg *message) {
    XDR xdr;
    xdrmem_create(&xdr, bytes, capacity, XDR_ENCODE);
    return xdr_replymsg(&xdr, message) ? XDR_GETPOS(&xdr) : 0;
}

uint32_t ctirpc_encode_accepted_reply(
    void *bytes, uint32_t capacity, uint32_t xid, uint32_t accept_status, uint32_t low,
    uint32_t high) {
    struct rpc_msg message;
    // The verifier stays zero: AUTH_NONE of length 0, never an echo.
    memset(&message, 0, sizeof message);
    message.rm_xid = xid;
    message.rm_direction = REPLY;
    message.rm_reply.rp_stat = MSG_ACCEPTED;
    message.acpted_rply.ar_stat = (enum accept_stat)accept_status;
    if (accept_status == PROG_MISMATCH) {
        message.acpted_rply.ar_vers.low = low;
        message.acpted_rply.ar_vers.high = high;
    } else {
        message.acpted_rply.ar_results.proc = (xdrproc_t)xdr_void;
    }
    return encode_reply(bytes, capacity, &message);
}

uint32_t ctirpc_encode_rpc_mismatch(
    void *bytes, uint32_t capacity, uint32_t xid, uint32_t low, uint32_t high) {
    struct rpc_msg message;
    memset(&message, 0, sizeof message);
    message.rm_xid = xid;
    message.rm_direction = REPLY;
    message.rm_reply.rp_stat = MSG_DENIED;
    message.rjcted_rply.rj_stat = RPC_MISMATCH;
    message.rjcted_rply.rj_vers.low = low;
    message.rjcted_rply.rj_vers.high = high;
    return encode_reply(bytes, capacity, &message);
}

uint32_t ctirpc_encode_auth_error(
    void *bytes, uint32_t capacity, uint32_t xid, uint32_t auth_status) {
    struct rpc_msg message;
    memset(&message, 0, sizeof message);
    message.rm_xid = xid;
    message.rm_direction = REPLY;
    message.rm_reply.rp_stat = MSG_DENIED;
    message.rjcted_rply.rj_stat = AUTH_ERROR;
    message.rjcted_rply.rj_why = (enum auth_stat)auth_status;
    return encode_reply(bytes, capacity, &message);
}

static bool can_connect(int family, const struct sockaddr *address, socklen_t length) {
    int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return false;
    bool connected = connect(descriptor, address, length) == 0;
    close(descriptor);
    return connected;
}

// libtirpc answers FALSE both when rpcbind refuses and when there is none.
static bool rpcbind_listens(void) {
    struct sockaddr_un local = {.sun_family = AF_UNIX};
    strncpy(local.sun_path, "/run/rpcbind.sock", sizeof local.sun_path - 1);
    if (can_connect(AF_UNIX, (const struct sockaddr *)&local, sizeof local)) return true;
    struct sockaddr_in loopback = {
        .sin_family = AF_INET,
        .sin_port = htons(PMAPPORT),
        .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
    };
    return can_connect(AF_INET, (const struct sockaddr *)&loopback, sizeof loopback);
}

// rpcb_uaddr2taddr would return an AF_UNIX address for these transports, so the address is built here.
static int set_mapping(
    uint32_t program, uint32_t version, const struct netconfig *transport, uint16_t port) {
    struct sockaddr_in6 address6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    struct sockaddr_in address4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    bool is6 = strcmp(transport->nc_protofmly, NC_INET6) == 0;
    struct netbuf address = {
        .maxlen = is6 ? sizeof address6 : sizeof address4,
        .len = is6 ? sizeof address6 : sizeof address4,
        .buf = is6 ? (void *)&address6 : (void *)&address4,
    };
    // rpcb_set is refused while another port is registered. Unset answers TRUE if there is none.
    rpcb_unset(program, version, transport);
    return rpcb_set(program, version, transport, &address) ? CTIRPC_BIND_DONE : CTIRPC_BIND_REFUSED;
}

int ctirpc_bind_set(uint32_t program, uint32_t version, const char *netid, uint16_t port) {
    if (!rpcbind_listens()) return CTIRPC_BIND_ABSENT;
    struct netconfig *transport = getnetconfigent(netid);
    if (transport == NULL) return CTIRPC_BIND_NO_TRANSPORT;
    int status = set_mapping(program, version, transport, port);
    freenetconfigent(transport);
    return status;
}

// The last two numbers of a universal address (RFC 5665 section 5.2.3.3); 0 if it has none.
static uint16_t port_of(const char *address) {
    const char *low = strrchr(address, '.');
    if (low == NULL || low == address) return 0;
    const char *high = low - 1;
    while (high > address && high[-1] != '.') high -= 1;
    return (uint16_t)(atoi(high) << 8 | (atoi(low + 1) & 0xff));
}

int ctirpc_bind_list(struct ctirpc_mapping *mappings, uint32_t capacity) {
    if (!rpcbind_listens()) return -1;
    struct netconfig *transport = getnetconfigent("tcp");
    if (transport == NULL) return -1;
    rpcblist *list = rpcb_getmaps(transport, "127.0.0.1");
    freenetconfigent(transport);
    uint32_t count = 0;
    for (const rpcblist *next = list; next != NULL && count < capacity; next = next->rpcb_next) {
        struct ctirpc_mapping *mapping = &mappings[count++];
        mapping->program = (uint32_t)next->rpcb_map.r_prog;
        mapping->version = (uint32_t)next->rpcb_map.r_vers;
        mapping->port = port_of(next->rpcb_map.r_addr);
        snprintf(mapping->netid, sizeof mapping->netid, "%s", next->rpcb_map.r_netid);
    }
    bool has_answered = list != NULL;
    xdr_free((xdrproc_t)xdr_rpcblist_ptr, (char *)&list);
    return has_answered ? (int)count : -1;
}

int ctirpc_bind_unset(uint32_t program, uint32_t version, const char *netid) {
    if (!rpcbind_listens()) return CTIRPC_BIND_ABSENT;
    struct netconfig *transport = getnetconfigent(netid);
    if (transport == NULL) return CTIRPC_BIND_NO_TRANSPORT;
    int status = rpcb_unset(program, version, transport) ? CTIRPC_BIND_DONE : CTIRPC_BIND_REFUSED;
    freenetconfigent(transport);
    return status;
}
