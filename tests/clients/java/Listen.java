import io.socket.client.Ack;
import io.socket.client.Manager;
import io.socket.client.Socket;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import okhttp3.Dispatcher;
import okhttp3.OkHttpClient;
import org.json.JSONException;
import org.json.JSONObject;

/**
 * Connect COUNT clients to URL by WAY and write every event as a line of JSON: {client, namespace, event, data}.
 *
 * <p>java Listen URL COUNT WAY. Each client has one connection for /, /monitoring and an unknown namespace, requests the
 * cluster's status, and reports the events of the library: connect, disconnect, connect_error, acknowledged.
 */
final class Listen {
    private static final Map<String, String[]> WAYS = Map.of(
            "websocket", new String[] {"websocket"},
            "polling", new String[] {"polling"},
            "upgrade", new String[] {"polling", "websocket"});
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    public static void main(String[] arguments) throws Exception {
        URI url = URI.create(arguments[0]);
        OkHttpClient http = http();
        List<Socket> sockets = new ArrayList<>();
        for (int client = 0; client < Integer.parseInt(arguments[1]); client++) {
            Manager.Options options = new Manager.Options();
            options.transports = WAYS.get(arguments[2]);
            options.callFactory = http;
            options.webSocketFactory = http;
            Manager manager = new Manager(url, options);
            for (String namespace : List.of("/", "/monitoring", "/nowhere")) {
                sockets.add(prepare(manager, client, namespace));
            }
        }
        sockets.forEach(Socket::connect);
        while (System.in.read() >= 0) {}
        // Java exits when the threads of all requests have ended.
        sockets.forEach(Socket::disconnect);
    }

    /** HTTP without OkHttp's limit of five requests per host. Threads end soon after the last request. */
    private static OkHttpClient http() {
        Dispatcher dispatcher = new Dispatcher(
                new ThreadPoolExecutor(0, Integer.MAX_VALUE, 100, TimeUnit.MILLISECONDS, new SynchronousQueue<>()));
        dispatcher.setMaxRequestsPerHost(1000);
        dispatcher.setMaxRequests(1000);
        return new OkHttpClient.Builder().dispatcher(dispatcher).readTimeout(1, TimeUnit.MINUTES).build();
    }

    private static Socket prepare(Manager manager, int client, String namespace) {
        Socket socket = manager.socket(namespace);
        socket.on(Socket.EVENT_CONNECT, data -> report(client, namespace, "connect", null));
        socket.on(Socket.EVENT_DISCONNECT, data -> report(client, namespace, "disconnect", data[0]));
        socket.on(Socket.EVENT_CONNECT_ERROR, data -> report(client, namespace, "connect_error", message(data[0])));
        socket.onAnyIncoming(data -> report(client, namespace, (String) data[0], data.length > 1 ? data[1] : null));
        socket.on("monitoring_connected", data -> socket.emit(
                "request_cluster_status",
                new JSONObject(),
                (Ack) answer -> report(client, namespace, "acknowledged", answer[0])));
        return socket;
    }

    private static Object message(Object error) {
        return error instanceof JSONObject refusal ? refusal.opt("message") : String.valueOf(error);
    }

    private static void report(int client, String namespace, String event, Object data) {
        try {
            JSONObject line = new JSONObject();
            line.put("client", client).put("namespace", namespace).put("event", event);
            line.put("data", data == null ? JSONObject.NULL : data);
            OUT.println(line);
        } catch (JSONException impossible) {
            throw new IllegalStateException(impossible);
        }
    }
}
