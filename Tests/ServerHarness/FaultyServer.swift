//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

import Foundation
import Synchronization

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
  private let connections = Connections()

  /// How many connections were made to it.
  public var connectionCount: Int { connections.count.load(ordering: .relaxed) }

  private final class Connections: Sendable {
    let count = Atomic(0)
  }

  /// Starts listening.
  public init(_ fault: Fault) throws {
    let (listener, port) = try LocalSocket.listen()
    self.listener = listener
    self.port = port
    let connections = connections
    Thread.detachNewThread {
      while true {
        let connection = LocalSocket.accept(listener)
        guard connection >= 0 else { return }
        connections.count.add(1, ordering: .relaxed)
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
    return bytes.withUnsafeBytes { LocalSocket.send(connection, $0) } == bytes.count
  }
}
