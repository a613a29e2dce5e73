//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// Writes a log to a file, and begins a new one when it is large or old.
///
/// ```swift
/// let sink = FileLogSink(path: "/var/log/app/cache.jsonl", maximumByteCount: 64 << 20)
/// ```
///
/// The file has mode 0600. A full one is renamed to `cache.jsonl.1`, an earlier one of that name to `cache.jsonl.2`, and so on. A
/// file that somebody has moved away or removed is left to them, and a new one begun. What a full disk cut off is removed again, so
/// that the file consists of whole lines.
public final class FileLogSink: CacheLogSink {
  private struct File {
    var descriptor: CInt = -1
    var device: UInt64 = 0
    var number: UInt64 = 0
    var byteCount = 0
    var isRegular = false
    var openedAt = CacheInstant.distantPast
  }

  /// Where the file is.
  public let path: String
  private let maximumByteCount: Int
  private let maximumAge: Duration?
  private let keptFileCount: Int
  private let clock: CacheClock
  /// The octets that each file begins with. A file that is there already is not appended to.
  private let header: [UInt8]
  private let file = Locked(File())

  /// - Parameters:
  ///   - path: Where the file is. Its folder must exist.
  ///   - maximumByteCount: How long a file may be.
  ///   - maximumAge: For how long a file is written to; nil (the default) for any time.
  ///   - keptFileCount: How many full files are kept; the oldest is removed.
  ///   - clock: The clock that the age is measured by.
  public convenience init(
    path: String, maximumByteCount: Int = 64 << 20, maximumAge: Duration? = nil, keptFileCount: Int = 4,
    clock: CacheClock = .system
  ) {
    self.init(
      path: path, maximumByteCount: maximumByteCount, maximumAge: maximumAge, keptFileCount: keptFileCount,
      clock: clock, header: [])
  }

  init(
    path: String, maximumByteCount: Int, maximumAge: Duration?, keptFileCount: Int, clock: CacheClock, header: [UInt8]
  ) {
    self.path = path
    self.maximumByteCount = max(maximumByteCount, 1)
    self.maximumAge = maximumAge
    self.keptFileCount = max(keptFileCount, 0)
    self.clock = clock
    self.header = header
  }

  deinit { file.withLock { Self.close(&$0) } }

  /// Writes to the file.
  ///
  /// - Throws: ``LogFileError`` when the file cannot be opened or written to.
  public func write(_ bytes: [UInt8]) throws {
    try file.withLock { file in
      if file.descriptor >= 0, isAway(file) { Self.close(&file) }
      if file.descriptor < 0 {
        try open(&file)
        if !header.isEmpty, file.byteCount > 0 { try rotate(&file) }
      }
      let isOld = maximumAge.map { clock.now.duration(since: file.openedAt) >= $0 } ?? false
      if file.isRegular, file.byteCount > header.count, isOld || file.byteCount + bytes.count > maximumByteCount {
        try rotate(&file)
      }
      if file.byteCount == 0, !header.isEmpty { try append(header, to: &file) }
      try append(bytes, to: &file)
    }
  }

  private func append(_ bytes: [UInt8], to file: inout File) throws {
    var written = 0
    while written < bytes.count {
      let descriptor = file.descriptor
      let count = bytes.withUnsafeBytes { buffer in
        #if canImport(Glibc)
          Glibc.write(descriptor, buffer.baseAddress! + written, buffer.count - written)
        #elseif canImport(Musl)
          Musl.write(descriptor, buffer.baseAddress! + written, buffer.count - written)
        #else
          Darwin.write(descriptor, buffer.baseAddress! + written, buffer.count - written)
        #endif
      }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else {
        let code = errno
        if file.isRegular, written > 0 { _ = ftruncate(descriptor, off_t(file.byteCount)) }
        // Opened anew next time: whatever is wrong with it may be over then.
        Self.close(&file)
        throw failure("cannot write to", code)
      }
      written += count
    }
    file.byteCount += bytes.count
  }

  private func open(_ file: inout File) throws {
    // Not through a link that somebody may have put there.
    let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW
    #if canImport(Glibc)
      let descriptor = Glibc.open(path, flags, 0o600)
    #elseif canImport(Musl)
      let descriptor = Musl.open(path, flags, 0o600)
    #else
      let descriptor = Darwin.open(path, flags, 0o600)
    #endif
    guard descriptor >= 0 else { throw failure("cannot open", errno) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      let code = errno
      _ = Self.closeDescriptor(descriptor)
      throw failure("cannot look at", code)
    }
    file = File(
      descriptor: descriptor, device: UInt64(truncatingIfNeeded: status.st_dev), number: UInt64(status.st_ino),
      byteCount: Int(status.st_size), isRegular: status.st_mode & S_IFMT == S_IFREG, openedAt: clock.now)
    if file.isRegular { _ = fchmod(descriptor, 0o600) }
  }

  /// Whether the file is no longer where it was.
  private func isAway(_ file: File) -> Bool {
    var status = stat()
    guard lstat(path, &status) == 0 else { return true }
    return UInt64(status.st_ino) != file.number || UInt64(truncatingIfNeeded: status.st_dev) != file.device
  }

  private func rotate(_ file: inout File) throws {
    Self.close(&file)
    if keptFileCount == 0 {
      unlink(path)
    } else {
      for number in stride(from: keptFileCount - 1, to: 0, by: -1) {
        rename("\(path).\(number)", "\(path).\(number + 1)")
      }
      guard rename(path, "\(path).1") == 0 else { throw failure("cannot rename", errno) }
    }
    try open(&file)
  }

  private static func close(_ file: inout File) {
    if file.descriptor >= 0 { _ = closeDescriptor(file.descriptor) }
    file = File()
  }

  private static func closeDescriptor(_ descriptor: CInt) -> CInt {
    #if canImport(Glibc)
      Glibc.close(descriptor)
    #elseif canImport(Musl)
      Musl.close(descriptor)
    #else
      Darwin.close(descriptor)
    #endif
  }

  private func failure(_ what: String, _ code: CInt) -> LogFileError {
    LogFileError(message: "\(what) \(path): \(String(cString: strerror(code)))")
  }
}

/// The failure of a ``FileLogSink`` to write.
public struct LogFileError: Error, Hashable, CustomStringConvertible {
  /// The attempt, the path, and the system's reason.
  public let message: String
  /// The same.
  public var description: String { message }
}
