// SPDX-License-Identifier: GPL-2.0-or-later
// A sandbox's process in Java: GET /healthz, POST / {"seed": integer}. Orders are made,
// written as text, read again and summed, as by tools/demo/functions/vanilla.py.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

public final class Server {
	private static final String[] CITIES = { "Lisbon", "Oslo", "Quito", "Hanoi", "Accra", "Turin" };
	private static final Pattern SEED = Pattern.compile("\"seed\"\\s*:\\s*(\\d+)");

	private static String orders(long seed) {
		Random random = new Random(seed);
		StringBuilder text = new StringBuilder();

		for (int order = 0; order < 120; order++) {
			text.append(order).append(";customer-").append(random.nextInt(40)).append(';')
				.append(CITIES[random.nextInt(CITIES.length)]);
			for (int line = random.nextInt(5); line >= 0; line--)
				text.append(';').append((1 + random.nextInt(9)) * (50 + random.nextInt(99950)));
			text.append('\n');
		}
		return text.toString();
	}

	private static String handle(long seed) throws NoSuchAlgorithmException {
		Map<String, Long> totals = new TreeMap<>();

		for (String order : orders(seed).split("\n")) {
			String[] field = order.split(";");
			long due = 0;
			for (int i = 3; i < field.length; i++)
				due += Long.parseLong(field[i]);
			totals.merge(field[1], due, Long::sum);
		}
		byte[] report = totals.toString().getBytes(StandardCharsets.UTF_8);
		StringBuilder hex = new StringBuilder();
		for (byte b : MessageDigest.getInstance("SHA-256").digest(report))
			hex.append(String.format("%02x", b));
		return "{\"customers\": " + totals.size() + ", \"report\": \"" + hex + "\"}";
	}

	private static void answer(HttpExchange exchange) throws IOException {
		String body = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
		Matcher seed = SEED.matcher(body);
		String answer = "{}";

		try {
			if (seed.find())
				answer = handle(Long.parseLong(seed.group(1)));
		} catch (NoSuchAlgorithmException error) {
			throw new IOException(error);
		}
		byte[] bytes = answer.getBytes(StandardCharsets.UTF_8);
		exchange.sendResponseHeaders(200, bytes.length);
		exchange.getResponseBody().write(bytes);
		exchange.close();
	}

	public static void main(String[] arguments) throws IOException {
		int port = Integer.parseInt(System.getenv("PORT"));
		HttpServer server = HttpServer.create(new InetSocketAddress("127.0.0.1", port), 16);

		server.createContext("/", Server::answer);
		server.start();
	}
}
