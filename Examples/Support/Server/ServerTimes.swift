//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  /// The timeouts of a configuration in nanoseconds: they are used for every request.
  struct ServerTimes: Sendable {
    let keepAlive: Int64
    let head: Int64
    let body: Int64
    let write: Int64
    let linger: Int64

    init(_ configuration: HTTPServer.Configuration) {
      keepAlive = configuration.keepAliveTimeout.nanoseconds
      head = configuration.headTimeout.nanoseconds
      body = configuration.bodyTimeout.nanoseconds
      write = configuration.writeTimeout.nanoseconds
      linger = configuration.lingerTimeout.nanoseconds
    }
  }
#endif
