//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

public import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// A Redis server that a test starts, hurts and starts again, on a free port of this machine, with a folder of its own.
///
/// It is killed when the object goes away, and also when the test process dies without having let go of it: a shell beside
/// it waits for the end of a pipe that the system closes then.
public final class RedisServerProcess: @unchecked Sendable {
  // @unchecked: `guardian` and `server` are only reached with the lock held.

  /// What went wrong with starting it.
  public struct StartError: Error, CustomStringConvertible {
    /// In words.
    public let description: String
  }

  /// What kind of server.
  public enum Kind: Sendable {
    case server
    /// A node of a cluster.
    case clusterNode
    /// With these lines of configuration.
    case sentinel([String])
  }

  private let lock = NSLock()
  private var guardian: Process?
  private var server: Int32 = 0
  private let kind: Kind
  private let options: [String]
  private let password: String?
  /// Where it listens; the same when it is started again.
  public let port: Int
  /// Its files; removed with the object.
  public let folder: URL
  /// The path of a Unix domain socket on which it listens too.
  public var socketPath: String { folder.appendingPathComponent("redis.sock").path }

  /// The program; nil when this machine has none.
  public static let executable: String? = find("redis-server")
  /// The command line client; nil when this machine has none.
  public static let client: String? = find("redis-cli")

  private static func find(_ name: String) -> String? {
    let folders =
      (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
      + ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin"]
    return folders.map { "\($0)/\(name)" }.first { access($0, X_OK) == 0 }
  }

  /// Starts a server, and returns when it answers.
  ///
  /// - Parameters:
  ///   - password: What it wants to hear (`requirepass`).
  ///   - options: Further options for its command line, such as `["--maxmemory", "1mb"]`.
  public init(_ kind: Kind = .server, password: String? = nil, options: [String] = []) throws {
    self.kind = kind
    self.password = password
    self.options = options
    port = try Self.freePort()
    folder = URL(fileURLWithPath: "/tmp/redis-test-\(getpid())-\(port)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    do { try start() } catch {
      stop()
      throw error
    }
  }

  deinit { stop() }

  /// Starts it again, with what it has on disk; nothing unless it was told to keep something.
  public func start() throws {
    guard let executable = Self.executable else { throw StartError(description: "no redis-server found in PATH") }
    var arguments = [
      "--port", "\(port)", "--bind", "127.0.0.1", "--dir", folder.path, "--save", "", "--daemonize", "no",
    ]
    switch kind {
    case .server: arguments += ["--unixsocket", socketPath, "--appendonly", "no"]
    case .clusterNode:
      arguments += [
        "--cluster-enabled", "yes", "--cluster-config-file", "nodes.conf", "--cluster-node-timeout", "1000",
        "--appendonly", "no", "--cluster-require-full-coverage", "no", "--repl-diskless-sync-delay", "0",
      ]
    case .sentinel(let lines):
      let file = folder.appendingPathComponent("sentinel.conf")
      // It keeps its state in its configuration file, so that is written once.
      if !FileManager.default.fileExists(atPath: file.path) {
        let text = (["port \(port)", "bind 127.0.0.1", "dir \(folder.path)"] + lines).joined(separator: "\n")
        try Data((text + "\n").utf8).write(to: file)
      }
      arguments = [file.path, "--sentinel"]
    }
    if let password { arguments += ["--requirepass", password] }
    if case .sentinel = kind {} else { arguments += options }
    try launch([executable] + arguments)
    for _ in 0..<400 {
      if isAnswering { return }
      usleep(10_000)
    }
    throw StartError(
      description: "redis-server \(arguments.joined(separator: " ")) does not come up; see \(folder.path)/log")
  }

  private func launch(_ command: [String]) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    // The server gets no pipe of ours: what it says goes to a file.
    let script =
      #"log="$1"; shift; "$@" >"$log" 2>&1 </dev/null & echo $!; exec >/dev/null; cat >/dev/null; kill -9 $! 2>/dev/null"#
    process.arguments = ["-c", script, "sh", folder.appendingPathComponent("log").path] + command
    let input = Pipe()
    let output = Pipe()
    process.standardInput = input
    process.standardOutput = output
    try process.run()
    // The number, and the end of the stream behind it.
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    guard let pid = Int32(text.trimmingCharacters(in: .whitespacesAndNewlines)) else {
      throw StartError(description: "the shell has not started the server")
    }
    lock.withLock {
      guardian = process
      server = pid
    }
  }

  /// The process of the server, 0 when it was killed.
  public var processID: Int32 { lock.withLock { server } }

  private func signal(_ number: CInt) {
    let server = processID
    if server > 0 { Foundation.kill(server, number) }
  }

  /// `kill -9`, and returns when it is gone.
  public func kill() {
    signal(SIGKILL)
    let guardian = lock.withLock {
      server = 0
      defer { self.guardian = nil }
      return self.guardian
    }
    if let input = guardian?.standardInput as? Pipe { try? input.fileHandleForWriting.close() }
    guardian?.waitUntilExit()
  }

  /// `SIGSTOP`: the system still takes connections in its name, but nobody answers.
  public func pause() { signal(SIGSTOP) }
  /// `SIGCONT`.
  public func resume() { signal(SIGCONT) }

  private func stop() {
    kill()
    try? FileManager.default.removeItem(at: folder)
  }

  /// Whether it answers at all, also when the answer is that a password is wanted.
  public var isAnswering: Bool {
    guard Self.client != nil else { return false }
    let answer = (try? command("PING")) ?? ""
    return answer.hasPrefix("PONG") || answer.hasPrefix("NOAUTH")
  }

  /// What `redis-cli` says to `arguments`, without the last line end.
  @discardableResult
  public func command(_ arguments: String...) throws -> String {
    try Self.runClient((password.map { ["-a", $0, "--no-auth-warning"] } ?? []) + ["-p", "\(port)"] + arguments)
  }

  /// Runs `redis-cli`.
  public static func runClient(_ arguments: [String]) throws -> String {
    guard let client else { throw StartError(description: "no redis-cli found in PATH") }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: client)
    process.arguments = arguments
    let output = Pipe()
    process.standardOutput = output
    process.standardError = output
    process.standardInput = FileHandle.nullDevice
    try process.run()
    let data = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: data, as: UTF8.self).trimmingCharacters(in: .newlines)
  }

  /// A TCP port on which nobody listens at the moment, and also not 10000 above it, where a cluster's node would.
  public static func freePort() throws -> Int {
    for _ in 0..<200 {
      let port = Int.random(in: 20000...45000)
      if canListen(port) && canListen(port + 10000) { return port }
    }
    throw StartError(description: "no free port found")
  }

  private static func canListen(_ port: Int) -> Bool {
    #if canImport(Darwin)
      let descriptor = socket(AF_INET, SOCK_STREAM, 0)
    #else
      let descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
    #endif
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    var on: CInt = 1
    setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, socklen_t(MemoryLayout<CInt>.size))
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port)).bigEndian
    address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
    return withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0
      }
    }
  }
}
