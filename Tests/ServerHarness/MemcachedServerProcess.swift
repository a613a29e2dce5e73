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

/// A memcached server that a test starts, hurts and starts again, on a free port of this machine or a Unix socket.
///
/// It is killed when the object goes away, and also when the test process dies without having let go of it.
public final class MemcachedServerProcess: @unchecked Sendable {
  // @unchecked: `running` is only reached with the lock held.

  /// What went wrong with starting it.
  public struct StartError: Error, CustomStringConvertible {
    /// What, for people.
    public let description: String
  }

  private let lock = NSLock()
  private var running: Running?
  private let arguments: [String]
  /// The port; it stays the same when the server is started again. 0 with a Unix socket.
  public let port: Int
  /// The Unix socket, if it listens at one instead.
  public let socketPath: String?

  /// The program, or nil when this machine has none.
  public static let executable: String? = {
    let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":") + ["/usr/bin", "/usr/sbin"]
    return folders.map { "\($0)/memcached" }.first { access($0, X_OK) == 0 }
  }()

  /// Starts a server, and returns when it takes connections.
  ///
  /// - Parameters:
  ///   - memory: Its memory in MiB (`-m`).
  ///   - options: Further options for its command line.
  ///   - socketPath: Where to listen instead of at a port.
  public init(memory: Int = 64, options: [String] = [], socketPath: String? = nil) throws {
    self.socketPath = socketPath
    port = socketPath == nil ? try Self.freePort() : 0
    var arguments = ["-m", String(memory), "-t", "1", "-c", "512"] + options
    if let socketPath {
      unlink(socketPath)
      arguments += ["-s", socketPath]
    } else {
      arguments += ["-l", "127.0.0.1", "-p", String(port), "-U", "0"]
    }
    if getuid() == 0 { arguments += ["-u", "root"] }
    self.arguments = arguments
    try start()
  }

  deinit {
    kill()
    if let socketPath { unlink(socketPath) }
  }

  /// Starts it again, empty, at the same place.
  public func start() throws {
    guard let executable = Self.executable else { throw StartError(description: "no memcached found in PATH") }
    // A port that was just let go of may be taken for a moment.
    for attempt in 0..<20 {
      let child = try Self.spawn(executable, arguments)
      if waitUntilReady(child.server) {
        lock.withLock { running = child }
        return
      }
      child.kill()
      usleep(20_000 * UInt32(attempt + 1))
    }
    throw StartError(description: "memcached \(arguments.joined(separator: " ")) does not come up")
  }

  /// `kill -9`.
  public func kill() {
    let running = lock.withLock {
      defer { self.running = nil }
      return self.running
    }
    running?.kill()
  }

  /// Starts it again with nothing in it.
  public func restart() throws {
    kill()
    try start()
  }

  /// `SIGSTOP`: connections are taken, by the kernel, and nothing is answered.
  public func pause() {
    lock.withLock {
      guard let running else { return }
      Foundation.kill(running.server, SIGSTOP)
      waitUntilStopped(running.server)
    }
  }

  /// `SIGCONT`.
  public func resume() {
    lock.withLock { if let running { Foundation.kill(running.server, SIGCONT) } }
  }

  /// Sends `command` and returns the lines of the answer up to one that ends it.
  public func ask(_ command: String) throws -> [String] {
    guard let descriptor = connect() else { throw StartError(description: "no connection to memcached") }
    defer { close(descriptor) }
    let text = Array((command + "\r\n").utf8)
    guard write(descriptor, text, text.count) == text.count else { throw StartError(description: "cannot write") }
    var answer = ""
    var buffer = [UInt8](repeating: 0, count: 65536)
    while true {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { break }
      answer += String(decoding: buffer[..<count], as: UTF8.self)
      let ends = ["END\r\n", "OK\r\n", "ERROR\r\n", "STORED\r\n", "DELETED\r\n", "NOT_FOUND\r\n"]
      // "BUSY", and why: another such command is under way.
      if ends.contains(where: { answer.hasSuffix($0) }) || answer.hasPrefix("BUSY") && answer.hasSuffix("\r\n") {
        break
      }
    }
    return answer.split(separator: "\r\n").map(String.init)
  }

  /// A figure from `stats`.
  public func statistic(_ name: String) throws -> Int? {
    try ask("stats").lazy.compactMap { line -> Int? in
      let words = line.split(separator: " ")
      return words.count == 3 && words[1] == name ? Int(words[2]) : nil
    }.first
  }

  // MARK: The process

  private func waitUntilReady(_ child: pid_t) -> Bool {
    for _ in 0..<200 {
      if waitpid(child, nil, WNOHANG) == child { return false }
      if let descriptor = connect() {
        close(descriptor)
        return true
      }
      usleep(5000)
    }
    return false
  }

  private func connect() -> Int32? {
    #if canImport(Darwin)
      let stream = SOCK_STREAM
    #else
      let stream = Int32(SOCK_STREAM.rawValue)
    #endif
    let descriptor = socket(socketPath == nil ? AF_INET : AF_UNIX, stream, 0)
    guard descriptor >= 0 else { return nil }
    let isConnected: Bool
    if let socketPath {
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: socketPath.utf8.prefix(107)) }
      isConnected = Self.connect(descriptor, &address)
    } else {
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = in_port_t(port).bigEndian
      address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
      isConnected = Self.connect(descriptor, &address)
    }
    if isConnected { return descriptor }
    close(descriptor)
    return nil
  }

  private static func connect<Address>(_ descriptor: Int32, _ address: inout Address) -> Bool {
    withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        Foundation.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size)) == 0
      }
    }
  }

  private static func freePort() throws -> Int {
    #if canImport(Darwin)
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #else
      let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    #endif
    defer { close(descriptor) }
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    let code = withUnsafeMutablePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
        bind(descriptor, address, length) == 0 ? getsockname(descriptor, address, &length) : -1
      }
    }
    guard code == 0 else { throw StartError(description: "no free port") }
    return Int(in_port_t(bigEndian: address.sin_port))
  }

  /// A server and the one who kills it when this process is gone.
  private struct Running {
    let server: pid_t
    let watcher: pid_t
    /// The watcher reads the other end: when this one is closed, by whatever ends this process, it acts.
    let lifeline: Int32

    func kill() {
      // The watcher first, so that it cannot hit a process that has been given the server's number since.
      Foundation.kill(watcher, SIGKILL)
      waitpid(watcher, nil, 0)
      close(lifeline)
      Foundation.kill(server, SIGKILL)
      waitpid(server, nil, 0)
    }
  }

  private static let spawning = NSLock()

  private static func spawn(_ executable: String, _ arguments: [String]) throws -> Running {
    // One at a time, so that no child inherits another's lifeline.
    try spawning.withLock {
      var ends: [Int32] = [-1, -1]
      guard pipe(&ends) == 0 else { throw StartError(description: "no pipe") }
      defer { close(ends[0]) }
      for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
      let server = try spawn([executable] + arguments, input: nil)
      let watcher = try spawn(["/bin/sh", "-c", "read _; kill -9 \(server)"], input: ends[0])
      return Running(server: server, watcher: watcher, lifeline: ends[1])
    }
  }

  private static func spawn(_ words: [String], input: Int32?) throws -> pid_t {
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
    defer { for pointer in pointers { free(pointer) } }
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
      posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0)
    posix_spawn_file_actions_addopen(&actions, 2, "/dev/null", O_WRONLY, 0)
    var child = pid_t()
    let code = posix_spawn(&child, words[0], &actions, nil, &pointers, environ)
    guard code == 0 else {
      throw StartError(description: "cannot start \(words[0]): \(String(cString: strerror(code)))")
    }
    return child
  }
}
