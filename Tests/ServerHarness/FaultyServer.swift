//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Listens at a port and does to every connection what no real server can be brought to do on demand.
public final class FaultyServer: Sendable {
  /// What it does when something has been sent to it.
  public enum Fault: Sendable {
    /// Answers this, and goes on.
    case answers(String)
    /// Answers this and closes the connection.
    case answersAndCloses(String)
    /// Answers this one byte at a time with so many milliseconds in between.
    case drips(String, milliseconds: Int)
  }

  /// The port.
  public let port: Int
  private let listener: Int32

  /// Starts listening.
  public init(_ fault: Fault) throws {
    let (listener, port) = try Self.listen()
    self.listener = listener
    self.port = port
    Thread.detachNewThread {
      while true {
        let connection = accept(listener, nil, nil)
        guard connection >= 0 else { return }
        Thread.detachNewThread { Self.serve(connection, fault) }
      }
    }
  }

  deinit {
    // Closing alone would leave the thread in accept.
    shutdown(listener, Int32(SHUT_RDWR))
    close(listener)
  }

  private static func serve(_ connection: Int32, _ fault: Fault) {
    defer { close(connection) }
    var buffer = [UInt8](repeating: 0, count: 65536)
    while read(connection, &buffer, buffer.count) > 0 {
      switch fault {
      case .answers(let text): guard put(text, connection) else { return }
      case .answersAndCloses(let text):
        _ = put(text, connection)
        return
      case .drips(let text, let milliseconds):
        for byte in text.utf8 {
          guard put(String(UnicodeScalar(byte)), connection) else { return }
          usleep(UInt32(milliseconds) * 1000)
        }
      }
    }
  }

  private static func put(_ text: String, _ connection: Int32) -> Bool {
    let bytes = Array(text.utf8)
    #if canImport(Darwin)
      return send(connection, bytes, bytes.count, 0) == bytes.count
    #else
      return send(connection, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count
    #endif
  }

  private static func listen() throws -> (Int32, Int) {
    #if canImport(Darwin)
      let stream = SOCK_STREAM
    #else
      let stream = Int32(SOCK_STREAM.rawValue)
    #endif
    let descriptor = socket(AF_INET, stream, 0)
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
          && Foundation.listen(descriptor, 64) == 0
      }
    }
    guard code else {
      close(descriptor)
      throw CocoaError(.featureUnsupported)
    }
    return (descriptor, Int(in_port_t(bigEndian: address.sin_port)))
  }
}
