//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport

/// The options for the limits and timeouts of connections, to clients and to the origin.
///
/// Each option is declared with the property that it sets, whose default is the option's.
struct ConnectionOptions {
  typealias Server = HTTPServer.Configuration
  typealias Client = UpstreamClient.Configuration
  typealias Values = CommandLineOptions.Values

  private var setters: [(Values, inout Server, inout Client) -> Void] = []

  init(declaringIn options: inout CommandLineOptions) {
    // Clients.
    server(
      &options, \.maximumConnections, "connections", .integer(1...1_000_000), "N",
      "how many clients' connections at most")
    server(
      &options, \.maximumConnectionsPerClient, "connections-per-client", .integer(1...1_000_000), "N",
      "how many of one client address at most (of an IPv6 network of 64 bits)")
    server(
      &options, \.keepAliveTimeout, "keep-alive-timeout", .duration, "TIME",
      "how long a client's connection may wait for its next request")
    server(
      &options, \.headTimeout, "head-timeout", .duration, "TIME", "how long the head of a request may take to arrive")
    server(
      &options, \.bodyTimeout, "body-timeout", .duration, "TIME",
      "how long a client may stall within a request's body; what it sends at the required rate earns the time back")
    server(
      &options, \.contentRate.minimum, "minimum-upload-rate", .byteSize, "SIZE",
      "the bytes a second that a client must send of a request's body")
    server(
      &options, \.contentRate.maximumTime, "maximum-upload-time", .duration, "TIME",
      "how long a body of announced length may take: with its length, that makes the rate required")
    server(
      &options, \.contentRate.sufficient, "sufficient-upload-rate", .byteSize, "SIZE",
      "the bytes a second that are enough, however long a body is")
    server(
      &options, \.writeTimeout, "write-timeout", .duration, "TIME", "how long a client may take nothing of a response")
    server(
      &options, \.minimumReadRate, "minimum-read-rate", .byteSize, "SIZE",
      "the bytes a second that a client must take, over a minute, while an origin connection is held for it; 0: any")
    server(
      &options, \.lingerTimeout, "linger-timeout", .duration, "TIME",
      "how long a client may go on sending behind the last response of its connection")
    server(
      &options, \.shutdownTimeout, "shutdown-timeout", .duration, "TIME",
      "how long requests in flight are waited for when the proxy is told to stop")
    server(&options, \.limits.startLine, "maximum-request-line", .byteSize, "SIZE", "the longest request line")
    server(&options, \.limits.fieldSection, "maximum-request-head", .byteSize, "SIZE", "the largest header section")
    server(
      &options, \.limits.fieldCount, "maximum-request-fields", .integer(1...100_000), "N", "the most header fields")
    server(
      &options, \.limits.chunkLine, "maximum-chunk-line", .byteSize, "SIZE", "the longest line that announces a chunk")
    server(
      &options, \.limits.body, "maximum-request-body", .byteSize, "SIZE", "the largest request body that is passed on",
      default: 1 << 30)
    server(
      &options, \.inputBufferSize, "request-buffer", .byteSize, "SIZE", "how much of a request's body is read ahead")
    server(
      &options, \.requestMemory, "request-memory", .byteSize, "SIZE",
      "how much of requests is held until they are answered: heads, and of each body what is read ahead; one more gets 503"
    )
    server(
      &options, \.requestMemoryPerClient, "request-memory-per-client", .byteSize, "SIZE",
      "the same for one client address (of an IPv6 network of 64 bits)")
    server(
      &options, \.outputBufferSize, "response-buffer", .byteSize, "SIZE",
      "how much of a response waits in memory for a slow client")
    server(
      &options, \.drainedBodySize, "maximum-drained-body", .byteSize, "SIZE",
      "how much of a body that is not wanted is read to save the connection")
    let cancels = options.flag(
      "cancel-on-half-close",
      "take a client that stops sending for gone, and cancel its request; else it gets its response")
    setters.append { values, server, _ in server.treatsHalfCloseAsDisconnect = values[cancels] }

    // The origin.
    client(
      &options, \.maximumConnections, "origin-connections", .integer(1...10_000), "N",
      "how many connections to the origin at most, shared fairly among clients")
    client(
      &options, \.reservedConnections, "origin-connections-reserved", .integer(0...10_000), "N",
      "how many of them requests with a body leave to those without; half of all at most")
    client(
      &options, \.spareConnections, "origin-connections-spare", .integer(0...10_000), "N",
      "how many only a client with less than its share gets, so that one that is alone may use all others; an eighth of all "
        + "at most")
    client(
      &options, \.shareTimeout, "origin-share-wait", .duration, "TIME",
      "how long a client with less than its share waits before an exchange of the client that holds the most is ended for it"
    )
    client(
      &options, \.contentPrefix, "request-prefix", .byteSize, "SIZE",
      "how much of a request's body must be there before it gets an origin connection, or all of it")
    client(
      &options, \.poolTimeout, "origin-wait", .duration, "TIME", "how long a request waits for an origin connection")
    client(
      &options, \.connectTimeout, "connect-timeout", .duration, "TIME", "how long connecting to the origin may take")
    client(&options, \.headTimeout, "origin-timeout", .duration, "TIME", "how long the origin may be silent")
    client(
      &options, \.contentTimeout, "origin-content-timeout", .duration, "TIME",
      "how long the origin may pause within a response, or within reading a request")
    client(
      &options, \.idleTimeout, "origin-idle-timeout", .duration, "TIME",
      "how long an origin connection is kept for the next request")
    client(
      &options, \.bufferSize, "origin-buffer", .byteSize, "SIZE", "how much of the origin's response is read ahead")
    client(
      &options, \.limits.fieldSection, "maximum-response-head", .byteSize, "SIZE",
      "the largest header section of the origin's responses")
    client(
      &options, \.limits.fieldCount, "maximum-response-fields", .integer(1...100_000), "N",
      "the most header fields of the origin's responses")
  }

  /// Sets what the command line says.
  func apply(_ values: Values, to server: inout Server, _ client: inout Client) {
    for set in setters { set(values, &server, &client) }
  }

  private mutating func server<Value: Sendable>(
    _ options: inout CommandLineOptions, _ property: WritableKeyPath<Server, Value>, _ name: String,
    _ kind: OptionKind<Value>, _ placeholder: String, _ help: String, default value: Value? = nil
  ) {
    let option = options.option(name, kind, placeholder, help, default: value ?? Server()[keyPath: property])
    setters.append { values, server, _ in server[keyPath: property] = values[option] }
  }

  private mutating func client<Value: Sendable>(
    _ options: inout CommandLineOptions, _ property: WritableKeyPath<Client, Value>, _ name: String,
    _ kind: OptionKind<Value>, _ placeholder: String, _ help: String
  ) {
    let option = options.option(name, kind, placeholder, help, default: Client()[keyPath: property])
    setters.append { values, _, client in client[keyPath: property] = values[option] }
  }
}
