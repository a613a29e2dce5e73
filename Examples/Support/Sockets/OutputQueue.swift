//===----------------------------------------------------------------------===//
// This source file is part of the swift-http-cache project
// SPDX-License-Identifier: MIT OR Apache-2.0
//===----------------------------------------------------------------------===//

#if os(Linux)
  import CEventLoop
  import Glibc
  import HTTPCache

  /// What a socket has not taken yet, in order. Bodies are held, not copied, and sent from their file if they have one.
  struct OutputQueue {
    enum Outcome: Hashable {
      /// Everything has been taken.
      case drained
      /// The socket is full; it will report when it no longer is.
      case blocked
      case failed(CInt)
    }

    private struct Segment {
      var bytes: Bytes
      /// A file with the same octets, and where in it these begin.
      var file: MemoryFile?
      var offset = 0
    }

    private var segments: [Segment] = []
    private var first = 0
    private(set) var byteCount = 0

    var isEmpty: Bool { byteCount == 0 }

    mutating func append(_ bytes: Bytes, file: MemoryFile? = nil) {
      guard !bytes.isEmpty else { return }
      segments.append(Segment(bytes: bytes, file: file))
      byteCount += bytes.count
    }

    mutating func removeAll() {
      segments = []
      first = 0
      byteCount = 0
    }

    /// Gives the socket as much as it takes.
    mutating func flush(_ descriptor: CInt) -> Outcome {
      while byteCount > 0 {
        let sent = send(descriptor)
        guard sent >= 0 else { return sent == -Int(EAGAIN) ? .blocked : .failed(CInt(-sent)) }
        take(sent)
      }
      return .drained
    }

    private func send(_ descriptor: CInt) -> Int {
      let segment = segments[first]
      if let file = segment.file {
        return cel_send_file(descriptor, file.descriptor, Int64(segment.offset), segment.bytes.count)
      }
      var count = 0
      while count < 32, first + count < segments.count, segments[first + count].file == nil { count += 1 }
      let hasMore = first + count < segments.count
      return withUnsafeTemporaryAllocation(of: iovec.self, capacity: count) { vectors in
        for index in 0..<count {
          // Read only: the kernel does not write through the vectors of a send. The memory lives as long as `segments`.
          vectors[index] = segments[first + index].bytes.withUnsafeBytes {
            iovec(iov_base: UnsafeMutableRawPointer(mutating: $0.baseAddress), iov_len: $0.count)
          }
        }
        return cel_send(descriptor, vectors.baseAddress, CInt(count), hasMore ? 1 : 0)
      }
    }

    private mutating func take(_ count: Int) {
      byteCount -= count
      var rest = count
      while rest > 0 {
        let bytes = segments[first].bytes
        if rest < bytes.count {
          segments[first].bytes = bytes.slice(rest..<bytes.count)
          segments[first].offset += rest
          return
        }
        rest -= bytes.count
        segments[first] = Segment(bytes: Bytes())
        first += 1
      }
      if first == segments.count {
        segments.removeAll(keepingCapacity: segments.capacity <= 64)
        first = 0
      } else if first >= 64 {
        segments.removeFirst(first)
        first = 0
      }
    }
  }
#endif
