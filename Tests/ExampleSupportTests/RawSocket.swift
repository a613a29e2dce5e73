//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import Glibc

  /// A blocking socket that sends and reads exactly what a test says. Used on a thread of its own, see `onThread`.
  final class RawSocket {
    private(set) var descriptor: CInt
    private var buffer: [UInt8] = []

    struct Failure: Error, CustomStringConvertible {
      let description: String
    }

    init(descriptor: CInt) {
      self.descriptor = descriptor
      // Long enough for a busy machine; a test that waits for it fails anyway.
      var timeout = timeval(tv_sec: 60, tv_usec: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
      setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
      var one: CInt = 1
      setsockopt(descriptor, CInt(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<CInt>.size))
    }

    /// - Parameter source: The last number of the address to connect from, 127.0.0.x.
    convenience init(port: Int, receiveBuffer: Int? = nil, source: UInt32 = 1) throws {
      let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
      if var size = receiveBuffer.map({ CInt($0) }) {
        setsockopt(descriptor, SOL_SOCKET, SO_RCVBUF, &size, socklen_t(MemoryLayout<CInt>.size))
      }
      self.init(descriptor: descriptor)
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = UInt16(port).bigEndian
      address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
      func withGeneric<Result>(
        _ address: inout sockaddr_in, _ body: (UnsafePointer<sockaddr>) -> Result
      ) -> Result {
        withUnsafePointer(to: &address) { pointer in
          pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0) }
        }
      }
      let size = socklen_t(MemoryLayout<sockaddr_in>.size)
      if source != 1 {
        var own = address
        own.sin_port = 0
        own.sin_addr.s_addr = (0x7F00_0000 + source).bigEndian
        guard withGeneric(&own, { bind(descriptor, $0, size) }) == 0 else { throw Failure(description: "bind") }
      }
      let code = withGeneric(&address) { connect(descriptor, $0, size) }
      guard code == 0 else { throw Failure(description: "connect: \(String(cString: strerror(errno)))") }
    }

    deinit { close() }

    func send(_ text: String) throws {
      var octets = Array(text.utf8)[...]
      while !octets.isEmpty {
        let sent = octets.withUnsafeBytes { Glibc.send(descriptor, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) }
        guard sent > 0 else { throw Failure(description: "send: \(String(cString: strerror(errno)))") }
        octets = octets.dropFirst(sent)
      }
    }

    /// Reads once; false at the end of the stream.
    @discardableResult
    func fill() throws -> Bool {
      var piece = [UInt8](repeating: 0, count: 65_536)
      let count = recv(descriptor, &piece, piece.count, 0)
      guard count >= 0 else { throw Failure(description: "recv: \(String(cString: strerror(errno)))") }
      buffer.append(contentsOf: piece[..<count])
      return count > 0
    }

    /// Everything up to and with `mark`.
    func read(through mark: String) throws -> String {
      let mark = Array(mark.utf8)
      while true {
        if let end = buffer.firstRange(of: mark)?.upperBound { return take(end) }
        guard try fill() else {
          throw Failure(description: "the stream ended: \(String(decoding: buffer, as: UTF8.self))")
        }
      }
    }

    func read(_ count: Int) throws -> String {
      while buffer.count < count {
        guard try fill() else { throw Failure(description: "the stream ended") }
      }
      return take(count)
    }

    func readToEnd() throws -> String {
      while try fill() {}
      return take(buffer.count)
    }

    /// A head, and the content that its Content-Length announces.
    func readResponse(isHead: Bool = false) throws -> (head: String, content: String) {
      let head = try read(through: "\r\n\r\n")
      var content = ""
      for line in head.split(separator: "\r\n") where line.lowercased().hasPrefix("content-length:") && !isHead {
        content = try read(Int(line.drop { $0 != " " }.dropFirst()) ?? 0)
      }
      return (head, content)
    }

    private func take(_ count: Int) -> String {
      defer { buffer.removeFirst(count) }
      return String(decoding: buffer[..<count], as: UTF8.self)
    }

    func finishSending() { _ = shutdown(descriptor, CInt(SHUT_WR)) }

    func close() {
      guard descriptor >= 0 else { return }
      _ = Glibc.close(descriptor)
      descriptor = -1
    }

    /// Closes with a reset.
    func reset() {
      var linger = linger(l_onoff: 1, l_linger: 0)
      setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout<Glibc.linger>.size))
      close()
    }
  }
#endif
