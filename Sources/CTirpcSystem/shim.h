#include <rpc/rpc.h>
#include <rpc/rpcb_clnt.h>
#include <netconfig.h>
