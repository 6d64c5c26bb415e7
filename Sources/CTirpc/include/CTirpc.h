#ifndef CTIRPC_H
#define CTIRPC_H
#endif
