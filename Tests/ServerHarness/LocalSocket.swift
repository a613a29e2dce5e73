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

/// TCP on this machine, as the harness needs it.
enum LocalSocket {
  private static func open() -> Int32 {
    #if canImport(Darwin)
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
      var on: Int32 = 1
      setsockopt(descriptor, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
    #else
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    // No server that is started shall inherit it.
    if descriptor >= 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    return descriptor
  }

  private static func withAddress<Result>(
    _ port: Int, _ body: (UnsafeMutablePointer<sockaddr>, inout socklen_t) -> Result
  ) -> (Result, port: Int) {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(port).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let result = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, &length) }
    }
    return (result, Int(in_port_t(bigEndian: address.sin_port)))
  }

  /// Listens at a free port of 127.0.0.1.
  static func listen() throws -> (descriptor: Int32, port: Int) {
    let descriptor = open()
    let (isListening, port) = withAddress(0) { address, length in
      bind(descriptor, address, length) == 0 && getsockname(descriptor, address, &length) == 0
        && Foundation.listen(descriptor, 128) == 0
    }
    guard isListening else {
      close(descriptor)
      throw CocoaError(.featureUnsupported)
    }
    return (descriptor, port)
  }

  /// The next connection; negative when the listener has been shut down.
  static func accept(_ listener: Int32) -> Int32 {
    let descriptor = Foundation.accept(listener, nil, nil)
    if descriptor >= 0 { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
    return descriptor
  }

  /// A connection to a port of 127.0.0.1, nil when nobody listens there.
  static func connect(_ port: Int) -> Int32? {
    let descriptor = open()
    guard descriptor >= 0 else { return nil }
    let (code, _) = withAddress(port) { Foundation.connect(descriptor, $0, $1) }
    guard code == 0 else {
      close(descriptor)
      return nil
    }
    var on: Int32 = 1
    setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &on, socklen_t(MemoryLayout<Int32>.size))
    return descriptor
  }

  /// Writes what fits, without a signal when nobody reads.
  static func send(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
    #if canImport(Darwin)
      return Foundation.send(descriptor, bytes.baseAddress, bytes.count, 0)
    #else
      return Foundation.send(descriptor, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
    #endif
  }

  /// The other side will get a reset instead of an end.
  static func resetOnClose(_ descriptor: Int32) {
    var linger = linger(l_onoff: 1, l_linger: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
  }

  /// Closes with a reset.
  static func reset(_ descriptor: Int32) {
    resetOnClose(descriptor)
    close(descriptor)
  }
}
