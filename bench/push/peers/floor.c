/* The floor: the cost of the kernel alone. Writes each frame from standard input to all clients.

   A frame on standard input is its length in 4 bytes, little-endian, and its bytes. The program answers a client's first
   data with the handshake, and its second data with the connection to the namespace. */
#define _GNU_SOURCE
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { MOST = 65536, LONGEST = 4 << 20 };

static const char OPENING[] =
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: x\r\n\r\n"
    "\x81\x0d" "0{\"sid\":\"fl\"}";
static const char CONNECTED[] = "\x81\x0e" "40{\"sid\":\"fl\"}";

static int clients[MOST], count, greeted[MOST];
static unsigned char frame[LONGEST];

static void read_all(void *to, size_t bytes) {
    for (size_t had = 0; had < bytes;) {
        ssize_t got = read(0, (char *)to + had, bytes - had);
        if (got <= 0) exit(0);
        had += (size_t)got;
    }
}

int main(int arguments, char **values) {
    int port = arguments > 1 ? atoi(values[1]) : 0, on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, 4096)) return perror("listen"), 1;
    int poller = epoll_create1(0);
    struct epoll_event wanted = {.events = EPOLLIN, .data.fd = listener}, ready[256];
    epoll_ctl(poller, EPOLL_CTL_ADD, listener, &wanted);
    wanted.data.fd = 0;
    epoll_ctl(poller, EPOLL_CTL_ADD, 0, &wanted);
    for (;;) {
        int found = epoll_wait(poller, ready, 256, -1);
        for (int i = 0; i < found; i++) {
            int fd = ready[i].data.fd;
            char thrown[4096];
            if (fd == listener) {
                int client = accept4(listener, NULL, NULL, 0);
                if (client < 0 || client >= MOST) continue;
                setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
                wanted.data.fd = client;
                greeted[client] = 0;
                epoll_ctl(poller, EPOLL_CTL_ADD, client, &wanted);
            } else if (fd == 0) {
                uint32_t bytes;
                read_all(&bytes, sizeof bytes);
                if (bytes > LONGEST) return 1;
                read_all(frame, bytes);
                for (int k = 0; k < count; k++)
                    if (write(clients[k], frame, bytes) < 0) return perror("write"), 1;
            } else if (read(fd, thrown, sizeof thrown) <= 0) {
                close(fd); /* only at the end of the run: the slot is not reused */
            } else if (greeted[fd] < 2) {
                const char *answer = greeted[fd] ? CONNECTED : OPENING;
                if (write(fd, answer, strlen(answer)) < 0) return perror("write"), 1;
                if (++greeted[fd] == 2) clients[count++] = fd;
            }
        }
    }
}
