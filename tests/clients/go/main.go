// Connect COUNT clients to URL by WAY and write every event as a line of JSON: {client, namespace, event, data}.
//
// listen URL COUNT WAY. Each client goes to / and /monitoring, asks for the cluster's status, and says what the library
// tells it: connect, disconnect, connect_error, acknowledged. Another connection of it asks for a namespace that does
// not exist: when one namespace is refused, this library (3.0.6) takes the handlers of the connection's first one away.
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

var writing sync.Mutex

type line struct {
	Client    int    `json:"client"`
	Namespace string `json:"namespace"`
	Event     string `json:"event"`
	Data      any    `json:"data"`
}

func say(client int, namespace, event string, data any) {
	text, err := json.Marshal(line{client, namespace, event, data})
	if err != nil {
		panic(err)
	}
	writing.Lock()
	defer writing.Unlock()
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

// visit prepares a socket. Its handlers must be there before it connects.
func visit(manager *socket.Manager, client int, namespace string) *socket.Socket {
	visitor := manager.Socket(namespace, nil)
	for _, event := range []types.EventName{"connect", "disconnect", "connect_error"} {
		visitor.On(event, func(data ...any) { say(client, namespace, string(event), first(data)) })
	}
	visitor.OnAny(func(data ...any) { say(client, namespace, data[0].(string), first(data[1:])) })
	visitor.On("monitoring_connected", func(...any) {
		visitor.Emit("request_cluster_status", map[string]any{}, func(answer []any, _ error) {
			say(client, namespace, "acknowledged", first(answer))
		})
	})
	return visitor
}

// open connects a manager and then its visitors. One that connects while the manager does may ask for its namespace
// twice (in 3.0.6), and is refused the second time.
func open(manager *socket.Manager, visitors []*socket.Socket) {
	manager.Open(func(err error) {
		if err != nil {
			open(manager, visitors)
			return
		}
		for _, visitor := range visitors {
			if !visitor.Active() {
				visitor.Connect()
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
			// The library (3.0.6) misses the error of a WebSocket that is refused, and waits out this time, by default 20 s.
			options.SetTimeout(5 * time.Second)
			options.SetTransports(types.NewSet(ways[os.Args[3]]...))
			manager := socket.NewManager(os.Args[1], options)
			var visitors []*socket.Socket
			for _, namespace := range namespaces {
				visitors = append(visitors, visit(manager, client, namespace))
			}
			all = append(all, visitors...)
			go open(manager, visitors)
		}
	}
	io.Copy(io.Discard, os.Stdin)
	for _, visitor := range all {
		visitor.Disconnect()
	}
	// The library says goodbye in the background, and does not tell when it has.
	time.Sleep(time.Second)
}
