// Connect COUNT clients to URL by WAY and write every event as a line of JSON: {client, namespace, event, data}.
//
// listen URL COUNT WAY. Each client connects to / and /monitoring, requests the cluster's status, and reports the events
// of the library: connect, disconnect, connect_error, acknowledged. A second connection requests an unknown namespace,
// because this library (3.0.6) drops the handlers of the connection's first namespace when another is refused.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/zishang520/socket.io/clients/engine/v3/transports"
	"github.com/zishang520/socket.io/clients/socket/v3"
	"github.com/zishang520/socket.io/v3/pkg/types"
)

var ways = map[string][]transports.TransportCtor{
	"websocket": {transports.WebSocket},
	"polling":   {transports.Polling},
	"upgrade":   {transports.Polling, transports.WebSocket},
}

var writeLock sync.Mutex

type line struct {
	Client    int    `json:"client"`
	Namespace string `json:"namespace"`
	Event     string `json:"event"`
	Data      any    `json:"data"`
}

func report(client int, namespace, event string, data any) {
	text, err := json.Marshal(line{client, namespace, event, data})
	if err != nil {
		panic(err)
	}
	writeLock.Lock()
	defer writeLock.Unlock()
	fmt.Println(string(text))
}

func first(data []any) any {
	if len(data) == 0 {
		return nil
	}
	if err, ok := data[0].(error); ok {
		return err.Error()
	}
	return data[0]
}

// prepare returns a socket with handlers, which must exist before the socket connects.
func prepare(manager *socket.Manager, client int, namespace string) *socket.Socket {
	connection := manager.Socket(namespace, nil)
	for _, event := range []types.EventName{"connect", "disconnect", "connect_error"} {
		connection.On(event, func(data ...any) { report(client, namespace, string(event), first(data)) })
	}
	connection.OnAny(func(data ...any) { report(client, namespace, data[0].(string), first(data[1:])) })
	connection.On("monitoring_connected", func(...any) {
		connection.Emit("request_cluster_status", map[string]any{}, func(answer []any, _ error) {
			report(client, namespace, "acknowledged", first(answer))
		})
	})
	return connection
}

// open connects a manager and then its sockets. A socket that connects at the same time as the manager may request its
// namespace twice (in 3.0.6), and is refused the second time.
func open(manager *socket.Manager, sockets []*socket.Socket) {
	manager.Open(func(err error) {
		if err != nil {
			open(manager, sockets)
			return
		}
		for _, connection := range sockets {
			if !connection.Active() {
				connection.Connect()
			}
		}
	})
}

func main() {
	count, err := strconv.Atoi(os.Args[2])
	if err != nil {
		panic(err)
	}
	var all []*socket.Socket
	for client := range count {
		for _, namespaces := range [][]string{{"/", "/monitoring"}, {"/nowhere"}} {
			options := socket.DefaultManagerOptions()
			options.SetAutoConnect(false)
			// The library (3.0.6) misses the error of a refused WebSocket and waits for this timeout, by default 20 s.
			options.SetTimeout(5 * time.Second)
			options.SetTransports(types.NewSet(ways[os.Args[3]]...))
			manager := socket.NewManager(os.Args[1], options)
			var sockets []*socket.Socket
			for _, namespace := range namespaces {
				sockets = append(sockets, prepare(manager, client, namespace))
			}
			all = append(all, sockets...)
			go open(manager, sockets)
		}
	}
	io.Copy(io.Discard, os.Stdin)
	for _, connection := range all {
		connection.Disconnect()
	}
	// The library closes connections in the background and does not report when they are closed.
	time.Sleep(time.Second)
}
