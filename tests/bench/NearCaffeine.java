import com.github.benmanes.caffeine.cache.Cache;
import com.github.benmanes.caffeine.cache.Caffeine;
import java.util.Arrays;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.TimeUnit;

/**
 * The load of near_hit and near_threads on Caffeine: keys of 16 characters, values of 100 bytes,
 * uniform random order, every lookup a hit, expiry on. Every lookup has a key of its own, because a
 * String keeps its hash, and a program that was just handed a key has to reckon it.
 *
 * <p>java -cp /usr/share/java/caffeine.jar NearCaffeine.java ENTRIES LOOKUPS ROUNDS prints one JSON
 * object: nanoseconds of a hit with one thread, and operations per second with one thread and with
 * two. As many rounds go before, not counted, for the compiler.
 */
public final class NearCaffeine {
  private static final int VALUE = 100;
  private static final int APART = 7919;

  private static char[] key(long number) {
    char[] text = "key:000000000000".toCharArray();
    for (int i = text.length; number > 0; number /= 10) {
      text[--i] = (char) ('0' + number % 10);
    }
    return text;
  }

  private static long look(Cache<String, byte[]> cache, char[][] keys, int begin) {
    long hits = 0;
    for (int i = 0, at = begin; i < keys.length; i++) {
      byte[] value = cache.getIfPresent(new String(keys[at]));
      if (value != null && value[0] == 1) {
        hits++;
      }
      at = at + 1 == keys.length ? 0 : at + 1;
    }
    return hits;
  }

  /** Nanoseconds from the first begin to the last end. */
  private static long measure(Cache<String, byte[]> cache, char[][] keys, int threads)
      throws Exception {
    Thread[] all = new Thread[threads];
    long[] begin = new long[threads];
    long[] end = new long[threads];
    long[] hits = new long[threads];
    CyclicBarrier gate = new CyclicBarrier(threads);
    for (int t = 0; t < threads; t++) {
      final int me = t;
      all[t] = new Thread(() -> {
        try {
          gate.await();
        } catch (Exception e) {
          throw new IllegalStateException(e);
        }
        begin[me] = System.nanoTime();
        hits[me] = look(cache, keys, (int) ((long) me * APART % keys.length));
        end[me] = System.nanoTime();
      });
      all[t].start();
    }
    for (int t = 0; t < threads; t++) {
      all[t].join();
      if (hits[t] != keys.length) {
        throw new IllegalStateException(hits[t] + " hits of " + keys.length);
      }
    }
    return Arrays.stream(end).max().getAsLong() - Arrays.stream(begin).min().getAsLong();
  }

  public static void main(String[] args) throws Exception {
    int entries = Integer.parseInt(args[0]);
    int rounds = Integer.parseInt(args[2]);
    char[][] keys = new char[Integer.parseInt(args[1])][];
    Cache<String, byte[]> cache =
        Caffeine.newBuilder().maximumSize(2L * entries).expireAfterWrite(1, TimeUnit.HOURS).build();
    for (int i = 0; i < entries; i++) {
      byte[] value = new byte[VALUE];
      value[0] = 1;
      cache.put(new String(key(i)), value);
    }
    long state = 42;
    for (int i = 0; i < keys.length; i++) {
      state = state * 6364136223846793005L + 1442695040888963407L;
      keys[i] = key((state >>> 33) % entries);
    }
    double[][] times = new double[2][rounds];
    for (int r = 0; r < 2 * rounds; r++) {
      for (int t = 0; t < 2; t++) {
        times[t][r % rounds] = measure(cache, keys, t + 1);
      }
    }
    Arrays.sort(times[0]);
    Arrays.sort(times[1]);
    double one = times[0][rounds / 2] / keys.length;
    double two = times[1][rounds / 2] / keys.length / 2;
    System.out.printf(
        "{\"program\":\"NearCaffeine\",\"entries\":%d,\"rounds\":%d,\"hit_ns\":%.2f,"
            + "\"hits_1_ops_per_s\":%.0f,\"hits_2_ops_per_s\":%.0f,\"hits_ratio\":%.3f}%n",
        entries, rounds, one, 1e9 / one, 1e9 / two, one / two);
  }
}
