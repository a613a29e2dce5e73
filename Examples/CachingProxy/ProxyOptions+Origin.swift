//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import ExampleSupport
import HTTPCache

extension ProxyOptions {
  private static let aMoment = Duration.milliseconds(1)

  mutating func declareOriginTimes() {
    options.beginSection("How long the origin is waited for")
    set(
      \.client.connectTimeout, "connect-timeout", .duration(atLeast: Self.aMoment), "TIME",
      "how long connecting to the origin may take, over all its addresses; then 504")
    set(
      \.client.headTimeout, "origin-timeout", .duration(atLeast: Self.aMoment), "TIME",
      "how long the origin may be silent before its response begins; then 504")
    set(
      \.client.contentTimeout, "origin-content-timeout", .duration(atLeast: Self.aMoment), "TIME",
      "how long the origin may pause within a response, or within reading a request; then the response is cut off, or 504"
    )
    set(
      \.policy.softTimeout, "soft-timeout", .duration(atLeast: Self.aMoment), "TIME",
      "how long a client waits when something stale may be served instead; then it gets that")
    set(
      \.policy.hardTimeout, "hard-timeout", .duration(atLeast: Self.aMoment), "TIME",
      "how long the origin has to begin its answer, waiting and connecting included; then what --stale-if-error allows, or 504"
    )
    set(
      \.policy.waitLimit, "wait-limit", .duration, "TIME",
      "how long a request waits for another's call of the same URL; then it asks the origin itself; 0: not at all")
    set(
      \.policy.slowCallLimit, "slow-call-limit", .duration, "TIME",
      "how long a request waits for a call with another client's request, which may be what makes the origin slow; then one without "
        + "the client's cookies and other fields is made for all")
    apply { _, settings throws(CommandLineError) in
      if let soft = settings.policy.softTimeout, let hard = settings.policy.hardTimeout, soft >= hard {
        let kind = OptionKind<Duration>.duration
        throw CommandLineError(
          "--soft-timeout \(kind.text(of: soft)) never has an effect with --hard-timeout \(kind.text(of: hard)): make it "
            + "shorter")
      }
    }
  }

  mutating func declareOriginConnections() {
    options.beginSection("Connections to the origin")
    set(
      \.client.maximumConnections, "origin-connections", .integer(1...10_000), "N",
      "how many at most, shared fairly among clients")
    option(
      "origin-connections-reserved", .integer(0...10_000), "N",
      "how many of them requests with a body leave to those without; half of all at most",
      defaultText: "32, or half of all"
    ) { value, settings throws(CommandLineError) in
      try Self.check(value, "origin-connections-reserved", "half", of: settings.client.maximumConnections, by: 2)
      settings.client.reservedConnections = value ?? settings.client.reservedConnections
    }
    option(
      "origin-connections-spare", .integer(0...10_000), "N",
      "how many are kept for clients that hold few connections; one client may use at most half of these; an eighth of all "
        + "at most", defaultText: "16, or an eighth of all"
    ) { value, settings throws(CommandLineError) in
      try Self.check(value, "origin-connections-spare", "an eighth", of: settings.client.maximumConnections, by: 8)
      settings.client.spareConnections = value ?? settings.client.spareConnections
    }
    set(
      \.client.poolTimeout, "origin-wait", .duration, "TIME",
      "how long a request waits for one when all are busy; then 503; 0: not at all")
    set(
      \.client.shareTimeout, "origin-share-wait", .duration, "TIME",
      "how long a client below its share (all connections / clients) waits before the longest request of the client with "
        + "the most is cut off"
    )
    set(
      \.client.contentPrefix, "request-prefix", .byteSize, "SIZE",
      "how much of a request's body must be there before it gets an origin connection, or all of it")
    set(
      \.client.idleTimeout, "origin-idle-timeout", .duration, "TIME",
      "how long one is kept for the next request; less than the origin keeps it")
    set(
      \.client.bufferSize, "origin-buffer", .byteSize(1_024...(1 << 40)), "SIZE",
      "how much of the origin's response is read ahead")
    set(
      \.client.limits.fieldSection, "maximum-response-head", .byteSize(64...(1 << 30)), "SIZE",
      "the largest header section of the origin's responses; above it 502")
    set(
      \.client.limits.fieldCount, "maximum-response-fields", .integer(1...100_000), "N",
      "the most header fields of the origin's responses; above it 502")
  }

  private static func check(
    _ value: Int?, _ name: String, _ share: String, of all: Int, by divisor: Int
  ) throws(CommandLineError) {
    guard let value, value > all / divisor else { return }
    throw CommandLineError(
      "--\(name) \(value) is more than \(share) of --origin-connections \(all): give \(all / divisor) at most")
  }
}
