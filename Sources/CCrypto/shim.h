#include <openssl/bn.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/rc4.h>

// OpenSSL 3 keeps these functions but calls them deprecated, which would be an error in Swift. Its
// replacement needs the legacy provider, a file that need not be installed and costs a call through
// three layers for each message.
#pragma clang diagnostic push
#pragma clang diagnostic ignored "-Wdeprecated-declarations"

static inline void rc4_start(RC4_KEY *state, int count, const unsigned char *key) {
    RC4_set_key(state, count, key);
}

static inline void rc4_apply(
    RC4_KEY *state, size_t count, const unsigned char *input, unsigned char *output
) {
    RC4(state, count, input, output);
}

#pragma clang diagnostic pop
