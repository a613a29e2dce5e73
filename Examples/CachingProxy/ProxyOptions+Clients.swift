//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import HTTPCache

extension ProxyOptions {
  private static let aMoment = Duration.milliseconds(1)

  mutating func declareClients() {
    options.beginSection("Clients' connections")
    set(
      \.server.maximumConnections, "connections", .integer(1...1_000_000), "N",
      "how many at most; one more gets 503 and is closed")
    option(
      "connections-per-client", .integer(1...1_000_000), "N",
      "how many of one client address at most (of an IPv6 network of 64 bits); one more gets 503 and is closed",
      defaultText: "half of --connections"
    ) { value, settings throws(CommandLineError) in
      let all = settings.server.maximumConnections
      guard value ?? 0 <= all else {
        throw CommandLineError(
          "--connections-per-client \(value ?? 0) is more than --connections \(all): raise the one or lower the other")
      }
      settings.server.maximumConnectionsPerClient = value ?? max(1, all / 2)
    }
    set(
      \.server.keepAliveTimeout, "keep-alive-timeout", .duration(atLeast: Self.aMoment), "TIME",
      "how long a connection may wait for its next request; then it is closed")
    set(
      \.server.headTimeout, "head-timeout", .duration(atLeast: Self.aMoment), "TIME",
      "how long the head of a request may take to arrive; then 408")
    set(
      \.server.bodyTimeout, "body-timeout", .duration(atLeast: Self.aMoment), "TIME",
      "how long a client may stall within a request's body; what it sends at the required rate earns the time back; then 408"
    )
    set(
      \.server.contentRate.minimum, "minimum-upload-rate", .rate(1...(256 << 20)), "RATE",
      "how fast a client must send a request's body")
    set(
      \.server.contentRate.maximumTime, "maximum-upload-time", .duration, "TIME",
      "how long a body of announced length may take: with its length, that makes the rate required; 0: the minimum rate "
        + "will do")
    set(
      \.server.contentRate.sufficient, "sufficient-upload-rate", .rate(1...(256 << 20)), "RATE",
      "what is fast enough, however long a body is")
    set(
      \.server.writeTimeout, "write-timeout", .duration(atLeast: Self.aMoment), "TIME",
      "how long a client may take nothing of a response; then its connection is reset")
    set(
      \.server.minimumReadRate, "minimum-read-rate", .rate(), "RATE",
      "how fast a client must take a response, over a minute, while an origin connection is held for it, or its "
        + "connection is reset; 0: any")
    set(
      \.server.lingerTimeout, "linger-timeout", .duration, "TIME",
      "how long a client may go on sending after the last response of its connection; 0: not at all, and it may lose that "
        + "response")
    set(
      \.server.treatsHalfCloseAsDisconnect, "cancel-on-half-close",
      "take a client that stops sending (nc -N, socat) for gone, and cancel its request; else it gets its response")
    set(
      \.server.shutdownTimeout, "shutdown-timeout", .duration, "TIME",
      "how long requests under way are waited for when the proxy is told to stop; 0: not at all")
    apply { _, settings throws(CommandLineError) in
      let rate = settings.server.contentRate
      guard rate.sufficient >= rate.minimum else {
        throw CommandLineError(
          "--sufficient-upload-rate \(rate.sufficient) is less than --minimum-upload-rate \(rate.minimum): no rate would do "
            + "for both; lower the minimum")
      }
    }
  }

  mutating func declareRequests() {
    options.beginSection("Sizes of requests and responses")
    set(
      \.server.limits.startLine, "maximum-request-line", .byteSize(64...(1 << 30)), "SIZE",
      "the longest request line; above it 414")
    set(
      \.server.limits.fieldSection, "maximum-request-head", .byteSize(64...(1 << 30)), "SIZE",
      "the largest header section; above it 431")
    set(
      \.server.limits.fieldCount, "maximum-request-fields", .integer(1...100_000), "N",
      "the most header fields; above it 431")
    set(
      \.server.limits.chunkLine, "maximum-chunk-line", .byteSize(16...(1 << 30)), "SIZE",
      "the longest line that announces a chunk; above it 400")
    set(
      \.server.limits.body, "maximum-request-body", .byteSize, "SIZE",
      "the largest request body that is passed on; above it 413; 0: no bodies")
    set(
      \.server.inputBufferSize, "request-buffer", .byteSize(1_024...(1 << 40)), "SIZE",
      "how much of a request's body is read ahead")
    set(
      \.server.requestMemory, "request-memory", .byteSize, "SIZE",
      "how much of requests is held until they are answered: heads, and of each body what is read ahead; one more gets 503"
    )
    let memoryPerClient: CommandLineOptions.Option<Int?> = options.option(
      "request-memory-per-client", .byteSize, "SIZE", "the same for one client address (of an IPv6 network of 64 bits)",
      defaultText: "an eighth of --request-memory")
    apply { values, settings throws(CommandLineError) in
      settings.server.requestMemoryPerClient = values[memoryPerClient] ?? settings.server.requestMemory / 8
    }
    set(
      \.server.outputBufferSize, "response-buffer", .byteSize(1_024...(1 << 40)), "SIZE",
      "how much of a response waits in memory for a slow client")
    set(
      \.server.drainedBodySize, "maximum-drained-body", .byteSize, "SIZE",
      "how much of a body that is not wanted is read, so that the connection can be used again; 0: none, it is closed")
    apply { values, settings throws(CommandLineError) in
      let server = settings.server
      let kind = OptionKind<Int>.byteSize
      guard server.requestMemoryPerClient <= server.requestMemory else {
        throw CommandLineError(
          "--request-memory-per-client \(kind.text(of: server.requestMemoryPerClient)) is more than --request-memory "
            + "\(kind.text(of: server.requestMemory)): raise the one or lower the other")
      }
      let needed = server.limits.startLine + server.limits.fieldSection + server.inputBufferSize
      guard server.requestMemoryPerClient >= needed else {
        let own = kind.text(of: server.requestMemoryPerClient)
        let what =
          values[memoryPerClient] == nil
          ? "an eighth of --request-memory \(kind.text(of: server.requestMemory)) = \(own)"
          : "--request-memory-per-client \(own)"
        throw CommandLineError(
          "\(what)\(own.last?.isNumber == true ? " bytes" : "") is less than the \(kind.text(of: needed)) of one request "
            + "(--maximum-request-line, --maximum-request-head and --request-buffer): lower those, or raise --request-memory or "
            + "--request-memory-per-client")
      }
    }
  }
}
