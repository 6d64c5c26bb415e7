// A link between two network namespaces, in user space, because not every kernel has netem: each
// direction has a limited rate, a queue of limited length, a delay and random losses.
//
//     delay_link PID_A ADDRESS_A PID_B ADDRESS_B DELAY_MS RATE LOSS QUEUE
//
// PID_A and PID_B name the namespaces; an address is like 10.9.0.1/24; RATE is in bytes a second,
// LOSS a probability, QUEUE in bytes. Makes a TUN device `delay0` in each, prints `up`, and carries
// packets until it is killed.

#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { MTU = 1500, SLOTS = 1 << 14, BURST = 64 };

struct packet {
    uint64_t due;
    int length;
    unsigned char bytes[MTU];
};

struct direction {
    int from, to;
    struct packet *ring;
    unsigned head, tail;
    // When the last bit of what was sent has left the queue.
    uint64_t free_at;
};

static void fail(const char *what)
{
    perror(what);
    exit(1);
}

static uint64_t now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static int open_device(const char *pid, const char *address)
{
    char text[256];
    snprintf(text, sizeof text, "/proc/%s/ns/net", pid);
    int own = open("/proc/self/ns/net", O_RDONLY);
    int other = open(text, O_RDONLY);
    if (own < 0 || other < 0 || setns(other, CLONE_NEWNET) < 0) fail(text);
    int device = open("/dev/net/tun", O_RDWR | O_NONBLOCK);
    struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
    strcpy(request.ifr_name, "delay0");
    if (device < 0 || ioctl(device, TUNSETIFF, &request) < 0) fail("/dev/net/tun");
    snprintf(text, sizeof text,
             "ip address add %s dev delay0 && ip link set delay0 mtu %d txqueuelen 1000 up", address,
             MTU);
    if (system(text) != 0) fail(text);
    if (setns(own, CLONE_NEWNET) < 0) fail("setns");
    close(own);
    close(other);
    return device;
}

static void take(struct direction *way, uint64_t delay, double rate, double loss, double queue)
{
    for (int count = 0; count < BURST; count++) {
        unsigned char bytes[MTU];
        ssize_t length = read(way->from, bytes, sizeof bytes);
        if (length <= 0) return;
        uint64_t time = now();
        double waiting = way->free_at > time ? (double)(way->free_at - time) * rate / 1e9 : 0;
        if (waiting + (double)length > queue || way->tail - way->head == SLOTS) continue;
        uint64_t start = way->free_at > time ? way->free_at : time;
        way->free_at = start + (uint64_t)((double)length * 1e9 / rate);
        if (drand48() < loss) continue;
        struct packet *packet = &way->ring[way->tail++ % SLOTS];
        packet->due = way->free_at + delay;
        packet->length = (int)length;
        memcpy(packet->bytes, bytes, (size_t)length);
    }
}

// Returns when the next packet is due.
static uint64_t deliver(struct direction *way, uint64_t time)
{
    while (way->head != way->tail) {
        struct packet *packet = &way->ring[way->head % SLOTS];
        if (packet->due > time) return packet->due;
        if (write(way->to, packet->bytes, (size_t)packet->length) < 0 && errno == EAGAIN)
            return time + 200000;
        way->head++;
    }
    return UINT64_MAX;
}

int main(int count, char **arguments)
{
    if (count != 9) {
        fputs("usage: delay_link PID_A ADDRESS_A PID_B ADDRESS_B DELAY_MS RATE LOSS QUEUE\n", stderr);
        return 2;
    }
    int a = open_device(arguments[1], arguments[2]);
    int b = open_device(arguments[3], arguments[4]);
    uint64_t delay = (uint64_t)(atof(arguments[5]) * 1e6);
    double rate = atof(arguments[6]), loss = atof(arguments[7]), queue = atof(arguments[8]);
    struct direction ways[2] = {{.from = a, .to = b}, {.from = b, .to = a}};
    for (int way = 0; way < 2; way++) {
        ways[way].ring = calloc(SLOTS, sizeof(struct packet));
        if (ways[way].ring == NULL) fail("calloc");
    }
    srand48(29);
    puts("up");
    fflush(stdout);
    for (;;) {
        uint64_t time = now(), next = time + 1000000000u;
        for (int way = 0; way < 2; way++) {
            uint64_t due = deliver(&ways[way], time);
            if (due < next) next = due;
        }
        struct pollfd ready[2] = {{.fd = a, .events = POLLIN}, {.fd = b, .events = POLLIN}};
        time = now();
        uint64_t pause = next > time ? next - time : 0;
        struct timespec wait = {.tv_sec = (time_t)(pause / 1000000000u),
                                .tv_nsec = (long)(pause % 1000000000u)};
        ppoll(ready, 2, &wait, NULL);
        for (int way = 0; way < 2; way++)
            if (ready[way].revents & POLLIN) take(&ways[way], delay, rate, loss, queue);
    }
}
